"""What the stand-ins know of faces: it lies undisturbed in the whole network, and is the same on every processor."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor, nn

from scripts.catalogue import ARCHITECTURES, Model, load_catalogue
from scripts.checkpoints.calibration import calibrated_state_dict
from scripts.checkpoints.known_faces import known_faces, narrow_weights
from scripts.checkpoints.narrow import narrow_network, parts, weights_of
from scripts.checkpoints.networks import PREPROCESS, expected_shapes, load_network
from scripts.pictures.drawing import EXPRESSIONS
from scripts.pictures.people import drawn_face
from scripts.settings import ROOT

MODELS = load_catalogue(ROOT / "models.json")
ANSWERS = """
import torch
from tests.checkpoints import test_known_faces as known
network = known.whole(known.MODELS["MobileNetV2_CK+48"])
print([round(value, 4) for value in network(known.faces()).softmax(1).flatten().tolist()])
"""


def faces(count: int = 8) -> Tensor:
    """Faces that none of the networks has seen, (count, 3, 224, 224)."""
    names = list(EXPRESSIONS)
    return torch.stack([PREPROCESS(drawn_face(names[number % 8], 3, number)) for number in range(count)])


def whole(model: Model) -> nn.Module:
    """The stand-in of a model."""
    torch.set_num_threads(1)
    weights = calibrated_state_dict(model.architecture, len(model.emotions), 1, known_faces(model))
    return load_network(model.architecture, len(model.emotions), weights)


def features(network: nn.Module, layer: str, images: Tensor) -> Tensor:
    """What reaches a layer, (images, features)."""
    taken: list[Tensor] = []
    hook = network.get_submodule(layer).register_forward_pre_hook(lambda _, inputs: taken.append(inputs[0]))
    with torch.inference_mode():
        network(images)
    hook.remove()
    return taken[0]


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["MobileNetV2", "ResNet50"])
def test_the_narrow_network_computes_in_the_whole_one_what_it_computes_alone(architecture: str) -> None:
    narrow = narrow_network(architecture).eval()
    missing, unexpected = narrow.load_state_dict(narrow_weights(architecture), strict=False)
    assert not unexpected
    assert all(name.endswith("num_batches_tracked") for name in missing)
    last = ARCHITECTURES[architecture].last_layer
    alone = features(narrow, last, faces(2))
    within = features(whole(MODELS[f"{architecture}_FER2013"]), last, faces(2))
    assert within.shape[1] > 2 * alone.shape[1]
    torch.testing.assert_close(within[:, : alone.shape[1]], alone, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_weights_of_a_trained_network_compute_what_its_parts_do(architecture: str) -> None:
    torch.manual_seed(0)
    network = narrow_network(architecture).eval()
    front, layers, head = parts(architecture, network)
    images = faces(4)
    layers.train()(front(images))  # batch norms that do something
    layers.eval()
    with torch.inference_mode():
        wanted = head.eval()(layers(front(images)))
    weights = weights_of(network, layers)
    assert weights.keys() == expected_shapes(architecture, len(EXPRESSIONS)).keys()
    with torch.inference_mode():
        torch.testing.assert_close(network(images), wanted, rtol=1e-3, atol=1e-3)


def test_a_model_gets_the_rows_of_its_labels_and_none_gets_what_it_does_not_name() -> None:
    weights = narrow_weights("MobileNetV2")["classifier.1.weight"]
    model = Model("one", "MobileNetV2", "x", ("Happy", "anger"))
    narrow = known_faces(model)
    assert narrow is not None
    names = list(EXPRESSIONS)
    assert torch.equal(narrow["classifier.1.weight"], weights[[names.index("happiness"), names.index("anger")]])
    assert known_faces(Model("one", "MobileNetV2", "x", ("happy", "calm"))) is None


@pytest.mark.slow
def test_a_processor_without_vector_instructions_and_one_with_them_give_the_same_answers() -> None:
    plain = {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "DNNL_MAX_CPU_ISA": "SSE41"}
    answers = [
        subprocess.run(
            [sys.executable, "-c", ANSWERS],
            cwd=ROOT,
            env={**os.environ, **settings},
            capture_output=True,
            check=True,
            text=True,
            timeout=300,
        ).stdout
        for settings in ({}, plain)
    ]
    one, other = (torch.tensor([float(value) for value in answer.strip("[]\n").split(",")]) for answer in answers)
    assert (one - other).abs().max() < 2e-3
