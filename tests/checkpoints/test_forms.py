"""The forms in which people keep a state_dict: which are taken, and what is said of what was taken off."""

from __future__ import annotations

import argparse
import collections
import datetime
import itertools
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scripts.catalogue import Model
from scripts.checkpoints.fitting import fitted
from scripts.checkpoints.forms import state_dict_in
from scripts.checkpoints.networks import expected_shapes
from scripts.checkpoints.reading import load_checkpoint
from tests.checkpoints.saved import LABELS, MODEL, NAME, SAVE, refusal, state_dict_of

Weights = dict[str, Tensor]
BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def prefixed(prefix: str, weights: Weights) -> Weights:
    return {prefix + key: tensor for key, tensor in weights.items()}


def outline(architecture: str) -> Weights:
    """The tensors of an architecture, which take no memory; each is filled with its place in the order of all."""
    shapes = expected_shapes(architecture, 7)
    return {key: torch.tensor(float(number)).expand(shape) for number, (key, shape) in enumerate(shapes.items())}


def places(weights: Weights) -> dict[str, float]:
    """What ``outline`` filled each tensor with."""
    return {key: value[(0,) * value.dim()].item() for key, value in weights.items()}


TRAINING = {
    "optimizer": {"state": {0: {"step": torch.tensor(1.0), "exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]},
    "lr_scheduler": {"milestones": collections.Counter([30, 60]), "last_epoch": 3, "_last_lr": [0.1]},
}


FORMS: list[tuple[str, Callable[[Weights], Any], str]] = [
    ("bare", lambda w: w, ""),
    ("under state_dict", lambda w: {"state_dict": w, "epoch": 3}, ""),
    ("under model_state_dict", lambda w: {"model_state_dict": w, "optimizer": {}}, "found under 'model_state_dict'"),
    ("under model", lambda w: {"model": w, **TRAINING}, "found under 'model'"),
    ("under net", lambda w: {"net": w, "acc": 93.1, "epoch": 7}, "found under 'net'"),
    ("under a key of their own", lambda w: {"best": {"weights": w}}, "found under 'best.weights'"),
    ("with an average", lambda w: {"ema": w, "model": w}, "found under 'model'; ema beside it left out"),
    ("values beside", lambda w: {**w, "epoch": 3, "classes": list(LABELS)}, "left out epoch, classes"),
    ("NumPy's numbers", lambda w: {"state_dict": w, "best": np.float64(0.9), "at": [np.int64(3), np.float32(1)]}, ""),
    (
        "torchvision's training script",
        lambda w: {"model": w, **TRAINING, "args": argparse.Namespace(lr=0.1, output_dir=Path("runs"), model="x")},
        "found under 'model'",
    ),
    (
        "a history",
        lambda w: {
            "state_dict": w,
            "args": {"data": Path("data"), "classes": np.array(LABELS), "started": datetime.datetime(2025, 1, 1)},
            "confusion": np.zeros((7, 7)),
            "history": collections.defaultdict(list, {"loss": [0.9, np.float32(0.5)]}),
        },
        "",
    ),
    ("DataParallel", lambda w: prefixed("module.", w), "'module.' taken off the names"),
    ("compiled", lambda w: prefixed("_orig_mod.module.", w), "'module.' and '_orig_mod.' taken off the names"),
    ("compiled inside", lambda w: prefixed("net._orig_mod.", w), "'_orig_mod.' and 'net.' taken off the names"),
    ("backbone", lambda w: prefixed("backbone.", w), "'backbone.' taken off the names"),
    ("nested", lambda w: prefixed("model.encoder.", w), "'model.encoder.' taken off the names"),
    ("a prefix like an own name", lambda w: prefixed("features.", w), "'features.' taken off the names"),
    (
        "Lightning",
        lambda w: {
            "state_dict": {**prefixed("model.", w), "criterion.weight": torch.ones(7), "class_weights": torch.ones(7)},
            **{"pytorch-lightning_version": "2.5.0", "callbacks": {"best": {"a.b": torch.zeros(1)}}},
        },
        "'model.' taken off the names; left out criterion.weight, class_weights",
    ),
    (
        "AveragedModel",
        lambda w: {**prefixed("module.", w), "n_averaged": torch.tensor(5)},
        "'module.' taken off the names; left out n_averaged",
    ),
]


@pytest.mark.parametrize(("wrap", "note"), [form[1:] for form in FORMS], ids=[form[0] for form in FORMS])
def test_a_state_dict_is_found_where_people_put_it(
    saved: Callable[[Any], Path], wrap: Callable[[Weights], Any], note: str
) -> None:
    weights = outline("MobileNetV2")
    checkpoint = load_checkpoint(saved(wrap(weights)), MODEL)
    assert places(checkpoint.state_dict) == places(weights)
    assert (checkpoint.stand_in, checkpoint.note) == (False, note)


def test_what_may_change_answers_is_never_left_out(saved: Callable[[Any], Path]) -> None:
    for name in ("teacher.fc.weight", "normalize.mean", "mean"):
        assert f"unexpected {name}" in refusal(saved({**outline("MobileNetV2"), name: torch.zeros(3)}))


def test_numbers_of_numpy_are_passed_over_without_running_its_code(tmp_path: Path) -> None:
    """NumPy itself would make a number of two gigabytes of these words."""
    code = b"\x80\x02cnumpy._core.multiarray\nscalar\ncnumpy\ndtype\nX\x0b\0\0\0V2000000000\x85R\x85R."
    with zipfile.ZipFile(tmp_path / NAME, "w") as file:
        for name, content in {"data.pkl": code, "version": b"3\n", "byteorder": b"little"}.items():
            file.writestr(f"archive/{name}", content)
    assert refusal(tmp_path / NAME) == f"{NAME} holds a scalar instead of a state_dict; {SAVE}"


def test_lightnings_callbacks_are_passed_over(saved: Callable[[Any], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lightning before 1.5 had their classes in the file."""
    callback = type("EarlyStopping", (), {"__module__": "pytorch_lightning.callbacks.early_stopping"})
    for name in itertools.accumulate(callback.__module__.split("."), "{}.{}".format):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules[callback.__module__], "EarlyStopping", callback, raising=False)
    path = saved({"state_dict": outline("MobileNetV2"), "callbacks": {callback: {"patience": 3}}})
    assert load_checkpoint(path, MODEL).note == ""


def test_safetensors_are_taken(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    weights = prefixed(
        "model.", {key: value.half() if value.shape else value for key, value in state_dict_of().items()}
    )
    save_file(weights, tmp_path / NAME)
    checkpoint = load_checkpoint(tmp_path / NAME, MODEL)
    assert checkpoint.note == "'model.' taken off the names; converted from float16 to float32"
    assert all(torch.equal(checkpoint.state_dict[key], value) for key, value in state_dict_of().items())
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes()[:1_000_000])
    assert refusal(tmp_path / NAME) == f"{NAME} is truncated or damaged; copy it again"


def fitted_to(architecture: str, weights: Weights) -> tuple[Weights, str]:
    found, notes = state_dict_in(NAME, weights)
    found, of_head = fitted(NAME, Model(architecture, architecture, "x", LABELS), found)
    return found, "; ".join(notes + of_head)


@pytest.mark.parametrize(
    ("architecture", "last_layer", "place"),
    [
        ("MobileNetV2", "classifier.1", "classifier.1.1"),
        ("MobileNetV2", "classifier.1", "classifier"),
        ("MobileNetV2", "classifier.1", "classifier.0"),
        ("ResNet50", "fc", "fc.1"),
        ("VGG19", "classifier.6", "classifier.6.1"),
        ("VGG19", "classifier.6", "classifier.7"),
    ],
)
def test_a_linear_layer_beside_dropout_is_the_last_one(architecture: str, last_layer: str, place: str) -> None:
    weights = outline(architecture)
    renamed = {key.replace(f"{last_layer}.", f"{place}."): value for key, value in weights.items()}
    found, note = fitted_to(architecture, prefixed("net.", renamed))
    assert note == f"'net.' taken off the names; {place} taken as the last layer {last_layer}"
    assert places(found) == places(weights)


@pytest.mark.parametrize("place", ["classifier.1", "classifier.4.1", "head"])
def test_a_linear_layer_elsewhere_is_not(saved: Callable[[Any], Path], place: str) -> None:
    weights = {key.replace("classifier.6.", f"{place}."): value for key, value in outline("VGG19").items()}
    vgg = Model("VGG19", "VGG19", "x", LABELS)
    assert f"has another head than VGG19: {place} instead of classifier.6 alone" in refusal(saved(weights), vgg)


def timm_mobilenet() -> list[str]:
    """The names in mobilenetv2_100 of timm 1.0.31, in its order, which is torchvision's order too."""
    blocks: list[tuple[str, tuple[str, ...]]] = [("blocks.0.0", ("conv_dw", "bn1", "conv_pw", "bn2"))]
    for stage, count in enumerate((2, 3, 4, 3, 3, 1), start=1):
        parts = ("conv_pw", "bn1", "conv_dw", "bn2", "conv_pwl", "bn3")
        blocks += [(f"blocks.{stage}.{number}", parts) for number in range(count)]
    layers = ["conv_stem", "bn1", *(f"{block}.{part}" for block, parts in blocks for part in parts), "conv_head", "bn2"]
    names = [f"{x}.{kind}" for x in layers for kind in (BATCH_NORM if ".bn" in f".{x}" else ("weight",))]
    return [*names, "classifier.weight", "classifier.bias"]


def test_timms_mobilenet_is_converted() -> None:
    weights = outline("MobileNetV2")
    found, note = fitted_to("MobileNetV2", dict(zip(timm_mobilenet(), weights.values(), strict=True)))
    assert note == "names converted from timm's mobilenetv2_100"
    assert places(found) == places(weights)


def test_timms_vgg19_is_converted() -> None:
    weights = outline("VGG19")
    moved = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
    shapes = {"classifier.0.weight": (4096, 512, 7, 7), "classifier.3.weight": (4096, 4096, 1, 1)}
    timm = {}
    for key, value in weights.items():
        layer, _, kind = key.rpartition(".")
        timm[f"{moved.get(layer, layer)}.{kind}"] = value[(0,) * value.dim()].expand(shapes.get(key, value.shape))
    found, note = fitted_to("VGG19", timm)
    assert note == "names converted from timm's vgg19"
    assert places(found) == places(weights)


def test_other_networks_of_timm_are_refused_with_the_reason(saved: Callable[[Any], Path]) -> None:
    names = [*timm_mobilenet(), "blocks.1.0.se.conv_reduce.weight"]  # of EfficientNet
    weights = [*outline("MobileNetV2").values(), torch.zeros(8, 96, 1, 1)]
    assert refusal(saved(dict(zip(names, weights, strict=True)))) == (
        f"{NAME} has names of timm, but is neither its mobilenetv2_100 nor its vgg19, the only ones of them that equal "
        "a network of torchvision; train torchvision's mobilenet_v2 instead"
    )
