"""The Open Inference Protocol, as an unchanged client of Triton speaks it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pytest
import tritonclient.http as triton
from numpy.typing import NDArray

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT
from tests.support import images
from tests.support.assertions import TOLERANCE, VERSION
from tests.support.client import Client
from tests.support.models import EACH
from tests.support.version import project_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.stacks import RunningStack

MODELS = tuple(load_catalogue(ROOT / "models.json"))
MODEL = "MobileNetV2_CK+48"
FRAMES = [images.frame(seed) for seed in (1, 2)]
PIXELS = np.stack([np.asarray(images.scene(seed, (224, 224))) for seed in (1, 2)])
ALL = ("probabilities", "label", "status", "error")
NO_IMAGE = b"GIF89a"


@pytest.fixture(scope="module")
def tritonclient(stack: RunningStack) -> Iterator[triton.InferenceServerClient]:
    with triton.InferenceServerClient(stack.url.partition("://")[2]) as client:
        yield client


def image_tensor(contents: Sequence[bytes], *, binary: bool) -> triton.InferInput:
    """Files as they are, or in Base64: JSON holds no bytes."""
    values = list(contents) if binary else [base64.b64encode(content) for content in contents]
    tensor = triton.InferInput("image", [len(values)], "BYTES")
    tensor.set_data_from_numpy(np.array(values, dtype=object), binary_data=binary)
    return tensor


def pixel_tensor(pixels: NDArray[np.uint8], *, binary: bool) -> triton.InferInput:
    tensor = triton.InferInput("pixels", list(pixels.shape), "UINT8")
    tensor.set_data_from_numpy(pixels, binary_data=binary)
    return tensor


def outputs(*names: str, binary: bool) -> list[triton.InferRequestedOutput]:
    return [triton.InferRequestedOutput(name, binary_data=binary) for name in names]


def expected(client: Client, model: str, contents: Sequence[bytes]) -> list[list[float]]:
    """What /api/v1/predict says of the same files, in the order of the model's labels."""
    labels = load_catalogue(ROOT / "models.json")[model].emotions
    answers = [client.predict(content, model).json()["predictions"] for content in contents]
    return [[answer[label] for label in labels] for answer in answers]


def test_the_server_tells_what_it_is(tritonclient: triton.InferenceServerClient) -> None:
    assert tritonclient.is_server_live()
    assert tritonclient.is_server_ready()
    metadata = tritonclient.get_server_metadata()
    assert metadata["version"] == project_version()
    assert metadata["extensions"] == ["binary_tensor_data", "classification"]


@pytest.mark.parametrize("name", MODELS)
def test_every_model_tells_its_tensors_and_labels(
    tritonclient: triton.InferenceServerClient, catalogue: dict[str, Model], name: str
) -> None:
    assert tritonclient.is_model_ready(name)
    assert tritonclient.is_model_ready(name, VERSION)
    metadata = tritonclient.get_model_metadata(name, VERSION)
    assert metadata == tritonclient.get_model_metadata(name)
    assert (metadata["name"], metadata["versions"]) == (name, [VERSION])
    assert [(tensor["name"], tensor["datatype"], tensor["shape"]) for tensor in metadata["inputs"]] == [
        ("image", "BYTES", [-1]),
        ("pixels", "UINT8", [-1, 224, 224, 3]),
    ]
    assert [tensor["name"] for tensor in metadata["outputs"]] == list(ALL)
    labels = catalogue[name].emotions
    first = {"shape": [-1, len(labels)], "datatype": "FP32", "parameters": {"labels": list(labels)}}
    assert metadata["outputs"][0] == {"name": "probabilities", **first}


@pytest.mark.parametrize("name", EACH)
def test_files_are_answered_as_by_predict(
    tritonclient: triton.InferenceServerClient, client: Client, name: str
) -> None:
    rows = expected(client, name, FRAMES)
    for binary in (True, False):
        given = [image_tensor(FRAMES, binary=binary)]
        answer = tritonclient.infer(name, given, VERSION, request_id="42", outputs=outputs(*ALL, binary=binary))
        found = answer.as_numpy("probabilities")
        assert (found.dtype, found.shape) == (np.float32, (2, len(rows[0])))
        np.testing.assert_allclose(found, rows, rtol=0, atol=TOLERANCE / 10)
        assert answer.as_numpy("status").tolist() == [200, 200]
        tops = [load_catalogue(ROOT / "models.json")[name].emotions[index] for index in found.argmax(axis=1)]
        assert [_text(label) for label in answer.as_numpy("label")] == tops
        assert [_text(error) for error in answer.as_numpy("error")] == ["", ""]
        told = answer.get_response()
        assert (told["model_name"], told["model_version"], told["id"]) == (name, VERSION, "42")
        assert told["parameters"] == {"stand_in": True}


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize("name", EACH)
def test_pixels_are_answered_bit_for_bit_as_the_same_in_a_png(
    tritonclient: triton.InferenceServerClient, name: str
) -> None:
    png = images.encode(images.scene(1, (224, 224)), "PNG")
    as_file = tritonclient.infer(name, [image_tensor([png], binary=True)]).as_numpy("probabilities")
    for binary in (True, False):
        as_pixels = tritonclient.infer(name, [pixel_tensor(PIXELS[:1], binary=binary)]).as_numpy("probabilities")
        assert as_pixels.tobytes() == as_file.tobytes()
    both = tritonclient.infer(name, [pixel_tensor(PIXELS, binary=True)]).as_numpy("probabilities")
    np.testing.assert_allclose(both[0], as_file[0], rtol=0, atol=TOLERANCE / 10)
    assert not np.allclose(both[0], both[1], atol=TOLERANCE)


@pytest.mark.parametrize("binary", [True, False], ids=["binary", "json"])
def test_one_bad_image_spoils_no_other(
    tritonclient: triton.InferenceServerClient, client: Client, binary: bool
) -> None:
    given = [image_tensor([FRAMES[0], NO_IMAGE, FRAMES[1], b""], binary=binary)]
    answer = tritonclient.infer(MODEL, given, outputs=outputs(*ALL, binary=binary))
    probabilities = answer.as_numpy("probabilities")
    np.testing.assert_allclose(probabilities[[0, 2]], expected(client, MODEL, FRAMES), rtol=0, atol=TOLERANCE / 10)
    assert np.isnan(probabilities[[1, 3]]).all()
    assert answer.as_numpy("status").tolist() == [200, 400, 200, 400]
    errors = [_text(error) for error in answer.as_numpy("error")]
    assert (errors[0], errors[2]) == ("", "")
    assert errors[1] == client.predict(NO_IMAGE, MODEL).json()["error"]
    assert "0 bytes" in errors[3]
    assert answer.get_response()["parameters"] == {"failed": 2, "stand_in": True}


def test_without_a_wish_all_outputs_come(tritonclient: triton.InferenceServerClient) -> None:
    answer = tritonclient.infer(MODEL, [image_tensor(FRAMES, binary=True)])
    assert [output["name"] for output in answer.get_response()["outputs"]] == list(ALL)
    assert all("binary_data_size" in output["parameters"] for output in answer.get_response()["outputs"])


def test_the_most_probable_classes_come_by_the_classification_extension(
    tritonclient: triton.InferenceServerClient, client: Client
) -> None:
    wish = triton.InferRequestedOutput("probabilities", class_count=2)
    answer = tritonclient.infer(MODEL, [image_tensor(FRAMES, binary=True)], outputs=[wish])
    labels = load_catalogue(ROOT / "models.json")[MODEL].emotions
    for row, content in zip(answer.as_numpy("probabilities"), FRAMES, strict=True):
        best = list(client.predict(content, MODEL).json()["predictions"].items())[:2]
        found = [_text(text).split(":") for text in row]
        assert [(label, labels[int(index)]) for _, index, label in found] == [(label, label) for label, _ in best]
        assert [float(value) for value, _, _ in found] == pytest.approx([value for _, value in best], abs=1e-5)
