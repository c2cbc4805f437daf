"""The engines against torch, and what they say of archives that they cannot load."""

from __future__ import annotations

import os
import threading
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine import Engine, EngineError, OpenVINOEngine, load_engine
from PIL import Image

from scripts.checkpoints.networks import PREPROCESS
from scripts.precision import instruction_sets
from tests.support.unpacked_archive import expected, faces, network, unpack

TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=["openvino", "torch"])
def archive(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp(request.param)
    return folder, unpack(folder, request.param)


@pytest.fixture(scope="module")
def engine(archive: tuple[Path, dict[str, Any]]) -> Engine:
    return load_engine(*archive)


def empty_archive(folder: Path, runtime: str) -> dict[str, Any]:
    return {"model": "MobileNetV2_CK+48", "architecture": "MobileNetV2", "emotions": ["a"] * 7, "runtime": runtime}


@pytest.mark.parametrize("size", [1, 3, 8, 11])
def test_a_batch_of_any_size_equals_torch(engine: Engine, size: int) -> None:
    assert_right(engine, size)


def assert_right(engine: Engine, size: int) -> None:
    images = faces(size)
    probabilities = engine.infer(images)
    assert (probabilities.shape, probabilities.dtype.name) == ((size, 7), "float32")
    assert np.abs(probabilities - expected([Image.fromarray(image) for image in images])).max() <= TOLERANCE
    assert np.abs(probabilities.sum(axis=1) - 1).max() <= 1e-5


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_a_temperature_divides_the_logits_before_the_softmax(tmp_path: Path, runtime: str) -> None:
    images = faces(3)
    answers = load_engine(tmp_path, unpack(tmp_path, runtime, temperature=1.7)).infer(images)
    with torch.inference_mode():
        logits = network()(torch.stack([PREPROCESS(Image.fromarray(image)) for image in images]))
    assert np.abs(answers - (logits.double() / 1.7).softmax(dim=1).numpy()).max() <= 1e-5
    assert np.abs(answers - logits.softmax(dim=1).numpy()).max() > 0.02


def test_the_images_of_a_batch_do_not_touch_each_other(engine: Engine) -> None:
    images = faces(4)
    single = np.concatenate([engine.infer(images[index : index + 1]) for index in range(4)])
    assert np.abs(engine.infer(images) - single).max() <= 1e-5
    assert np.abs(np.diff(single, axis=0)).max() > 0.02


def test_one_core_alone_computes_the_same(
    archive: tuple[Path, dict[str, Any]], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.OpenVINOEngine.MAX_STREAMS", 1)
    images = faces(3)
    assert np.abs(load_engine(*archive).infer(images) - engine.infer(images)).max() <= 1e-5


def test_a_part_of_the_cores_computes_the_same(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container with a quota of processor time."""
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    monkeypatch.setenv("CPUS", "1")
    limited = load_engine(tmp_path, unpack(tmp_path, "openvino"))
    assert isinstance(limited, OpenVINOEngine)
    network = limited._trunk.get_compiled_model()
    assert network.get_property("INFERENCE_NUM_THREADS") == 1
    images = faces(3)
    assert np.abs(limited.infer(images) - engine.infer(images)).max() <= 1e-5
    assert limited.prepare_batches().result() == []


def test_bf16_answers_nearly_the_same_in_batches_of_any_size(
    archive: tuple[Path, dict[str, Any]], engine: Engine
) -> None:
    folder, description = archive
    if description["runtime"] != "openvino":
        pytest.skip("only OpenVINO computes in bf16")
    rounded = load_engine(folder, {**description, "precision": "bf16"})
    assert isinstance(rounded, OpenVINOEngine)
    images = faces(8)
    exact = engine.infer(images)
    single = rounded.infer(images[:1])
    rounded.prepare_batches().result()
    together = rounded.infer(images)
    assert np.abs(together - exact).max() <= 0.05
    assert np.abs(together[:1] - single).max() <= 1e-5
    if instruction_sets("bf16"):
        assert np.abs(together - exact).max() > 1e-5, "it is float32"


@pytest.fixture
def openvino(tmp_path: Path) -> OpenVINOEngine:
    """An engine that has computed no batch yet."""
    engine = load_engine(tmp_path, unpack(tmp_path, "openvino"))
    assert isinstance(engine, OpenVINOEngine)
    return engine


def test_the_first_batch_has_the_network_compiled_for_batches(openvino: OpenVINOEngine) -> None:
    threads = threading.active_count()
    openvino.infer(faces(1))
    assert threading.active_count() == threads
    openvino.infer(faces(2))
    assert threading.active_count() == threads + 1
    cores = len(os.sched_getaffinity(0))
    assert len(openvino.prepare_batches().result()) == (min(cores, 8) if cores > 1 else 0)
    for size in (1, 3, 8, 11):
        assert_right(openvino, size)


def test_batches_are_answered_when_that_fails(
    openvino: OpenVINOEngine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> list[Any]:
        raise RuntimeError("no memory left")

    monkeypatch.setattr(openvino, "_compile_streams", fail)
    wait([openvino.prepare_batches()])
    assert_right(openvino, 3)
    assert caplog.messages == ["batches are computed image by image: no memory left"]


def test_an_answer_outlives_the_next_batch(engine: Engine) -> None:
    images = faces(2)
    first = engine.infer(images[:1])
    kept = first.copy()
    engine.infer(images[1:])
    assert np.array_equal(first, kept)


def test_without_a_gpu_the_device_is_the_cpu(engine: Engine) -> None:
    assert engine.device == "cpu"


@pytest.mark.parametrize("runtime", ["openvino", "torch"])
def test_an_archive_without_a_network_is_named(tmp_path: Path, runtime: str) -> None:
    with pytest.raises(
        EngineError, match=r"^MobileNetV2_CK\+48: the network does not load \(.*build the archive again$"
    ):
        load_engine(tmp_path, empty_archive(tmp_path, runtime))


def test_an_unknown_runtime_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="unknown runtime 'onnx', use openvino or torch"):
        load_engine(tmp_path, empty_archive(tmp_path, "onnx"))


def test_a_network_with_too_few_outputs_is_named(archive: tuple[Path, dict[str, Any]]) -> None:
    folder, description = archive
    description = {**description, "emotions": [*description["emotions"], "boredom"]}
    with pytest.raises(EngineError, match=r"^MobileNetV2_CK\+48: .*(7 values for the 8 labels|size mismatch)"):
        load_engine(folder, description)


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(7, 2048)}, tmp_path / "checkpoint.pt")
    with pytest.raises(EngineError, match=r"^MobileNetV2_CK\+48: the network does not load"):
        load_engine(tmp_path, empty_archive(tmp_path, "torch"))
