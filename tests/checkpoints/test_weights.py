"""What is told of weights that do not fit the network, or that no training should leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from scripts.catalogue import Model
from scripts.checkpoints.networks import expected_shapes
from tests.checkpoints.saved import LABELS, NAME, SAVE, refusal, state_dict_of


@pytest.mark.parametrize("other", ["ResNet50", "VGG19"])
def test_another_architecture_of_the_catalogue_is_recognised(saved: Callable[[Any], Path], other: str) -> None:
    weights = {key: torch.zeros(()).expand(shape) for key, shape in expected_shapes(other, 7).items()}
    assert refusal(saved(weights)) == (
        f"{NAME} looks like {other}, not MobileNetV2; put the right file there, or change the architecture of "
        "MobileNetV2_CK+48 in models.json"
    )


@pytest.mark.parametrize("other", ["resnet18", "mobilenet_v3_small", "wide_resnet50_2"])
def test_another_network_of_torchvision_is_recognised(saved: Callable[[Any], Path], other: str) -> None:
    with torch.device("meta"):
        shapes = torchvision.models.get_model(other, weights=None).state_dict()
    weights = {key: torch.zeros(()).expand(tensor.shape) for key, tensor in shapes.items()}
    resnet = Model("ResNet50_CK+48", "ResNet50", "CK+48", LABELS)
    assert refusal(saved(weights), resnet) == (
        f"{NAME} looks like torchvision's {other}, not ResNet50; put the right file there, or change the architecture "
        "of ResNet50_CK+48 in models.json"
    )


def test_another_number_of_classes_is_refused_with_both_numbers(saved: Callable[[Any], Path]) -> None:
    assert refusal(saved(state_dict_of(classes=8))) == (
        f"{NAME} has 8 outputs, but models.json lists 7 labels for MobileNetV2_CK+48; correct its emotions or use a "
        "checkpoint trained with these labels"
    )


def test_another_head_is_refused_with_the_names_of_its_layers(saved: Callable[[Any], Path]) -> None:
    weights = state_dict_of()
    for kind in ("weight", "bias"):
        weights[f"classifier.0.{kind}"] = weights.pop(f"classifier.1.{kind}")
        weights[f"classifier.3.{kind}"] = weights[f"classifier.0.{kind}"]
    assert refusal(saved(weights)) == (
        f"{NAME} has another head than MobileNetV2: classifier.0, classifier.3 instead of classifier.1 alone; train it "
        "with one linear layer in that place, since only such are served"
    )


def test_a_tensor_of_another_shape_is_named(saved: Callable[[Any], Path]) -> None:
    weights = {**state_dict_of(), "features.0.0.weight": torch.zeros(32, 1, 3, 3)}
    assert refusal(saved(weights)) == (
        f"{NAME} does not fit MobileNetV2: features.0.0.weight has shape (32, 1, 3, 3) instead of (32, 3, 3, 3); {SAVE}"
    )


def test_integer_weights_are_refused(saved: Callable[[Any], Path]) -> None:
    weights = {**state_dict_of(), "classifier.1.bias": torch.zeros(7, dtype=torch.int8)}
    assert refusal(saved(weights)) == f"{NAME}: classifier.1.bias holds int8, not float32; save the unquantised model"


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (lambda: torch.empty(7, device="meta"), "tensor on the device meta"),
        (
            lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(5)], layout=torch.jagged),
            "nested tensor",
        ),
    ],
    ids=["meta", "nested"],
)
def test_tensors_without_weights_are_refused(
    saved: Callable[[Any], Path], make: Callable[[], torch.Tensor], kind: str
) -> None:
    assert refusal(saved({**state_dict_of(), "classifier.1.bias": make()})) == (
        f"{NAME}: classifier.1.bias is a {kind}, without weights that can be read; {SAVE}"
    )


@pytest.mark.parametrize("key", ["classifier.1.bias", "features.0.1.num_batches_tracked"])
@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        (torch.Tensor.to_sparse, "is a sparse tensor (sparse_coo); save the dense one, of .to_dense()"),
        (lambda tensor: tensor.to(torch.complex64), "holds complex64, not float32; save the unquantised model"),
    ],
    ids=["sparse", "complex"],
)
def test_tensors_that_are_no_plain_numbers_are_refused(
    saved: Callable[[Any], Path], key: str, change: Callable[[torch.Tensor], torch.Tensor], trouble: str
) -> None:
    weights = state_dict_of()
    weights[key] = change(weights[key])
    assert refusal(saved(weights)) == f"{NAME}: {key} {trouble}"


@pytest.mark.parametrize(("value", "kind"), [(float("nan"), "NaN"), (float("-inf"), "infinite")])
def test_broken_weights_are_refused_with_the_tensor_named(
    saved: Callable[[Any], Path], value: float, kind: str
) -> None:
    weights = state_dict_of()
    weights["classifier.1.bias"][2] = value
    assert refusal(saved(weights)) == (
        f"{NAME}: classifier.1.bias has 1 of 7 weights that are {kind}; training diverged, use an earlier checkpoint"
    )
