"""The servers that are measured: the backend it replaces, the stack, and the network alone."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino
import pytest
import torch
import torchvision
from openvino import opset13
from PIL import Image

from scripts.bench import BenchError
from scripts.bench.child import Child
from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.bench.limits import network_alone, unpack_network
from scripts.bench.processes import memory
from scripts.bench.servers import reference_backend, stack_settings
from scripts.settings import Settings
from tests.bench.jobs import MODEL, job


@pytest.mark.slow
def test_the_reference_answers_like_torch_and_its_errors_are_counted(
    settings: Settings, directory: Path, generator: Child, request_file: Path
) -> None:
    unknown = write_once(directory / "unknown.http", predict_request(image_bytes("small"), "VGG20"))
    with reference_backend(settings, directory / "reference.log") as server:
        answer = json.loads(generator.ask(job(server.port, request_file))["answer"])
        tally = generator.ask(job(server.port, request_file, unknown, clients=2, rounds=2))
        processes = memory(server.roots, server.names)
    assert answer["success"] is True
    assert answer["model"] == MODEL
    assert answer["predictions"] == pytest.approx(expected_predictions(settings), abs=1e-5)
    assert list(answer["predictions"].values()) == sorted(answer["predictions"].values(), reverse=True)
    assert answer["predictions"][answer["top_emotion"]] == answer["confidence"] == max(answer["predictions"].values())
    assert (len(tally["latencies"]), tally["errors"]) == (2, {"400": 2})
    assert [process.name for process in processes] == ["reference"]
    assert 100 < processes[0].kept < processes[0].pss


def expected_predictions(settings: Settings) -> dict[str, float]:
    """The contract's preprocessing written out with numpy and Pillow, and torchvision's network."""
    network = torchvision.models.mobilenet_v2(num_classes=7).eval()
    network.load_state_dict(torch.load(settings.results_dir / f"{MODEL}_best.pt", weights_only=True))
    image = Image.open(io.BytesIO(image_bytes("frame"))).resize((224, 224), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy((np.asarray(image, dtype=np.float32) / 255 - 0.5) / 0.5)
    with torch.inference_mode():
        row = network(pixels.permute(2, 0, 1)[None]).softmax(1)[0].tolist()
    labels = json.loads(settings.catalogue.read_text())[MODEL]["emotions"]
    return dict(zip(labels, row, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [("frame", "JPEG", (640, 480)), ("small", "PNG", (48, 48)), ("photo", "JPEG", (4000, 3000))],
)
def test_the_images_are_what_they_are_called(name: str, kind: str, size: tuple[int, int]) -> None:
    data = image_bytes(name)
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == (kind, size)
    assert len(predict_request(data, MODEL)) < 10 * 2**20


def test_the_measured_stack_has_no_limit_and_ports_of_its_own(settings: Settings, directory: Path) -> None:
    own = stack_settings(replace(settings, rate_limit=50, load_models="none"), directory / "stack")
    assert (own.rate_limit, own.load_models, own.run_dir) == (0, "all", directory / "stack")
    assert (own.catalogue, own.results_dir) == (settings.catalogue, settings.results_dir)
    assert not set(own.ports.values()) & set(settings.ports.values())


def test_an_archive_without_an_openvino_network_is_refused(directory: Path) -> None:
    with zipfile.ZipFile(directory / "torch.mar", "w") as archive:
        archive.writestr("checkpoint.pt", b"")
    with pytest.raises(BenchError, match=r"torch\.mar: no model\.json in it; build it with RUNTIME=openvino"):
        unpack_network(directory / "torch.mar", directory / "torch")


def test_the_network_of_an_archive_is_measured_alone(directory: Path) -> None:
    images = opset13.parameter([-1, 224, 224, 3], np.uint8, name="images")
    mean = opset13.reduce_mean(opset13.convert(images, "f32"), np.array([1, 2]))
    openvino.save_model(openvino.Model([mean], [images], "mean"), directory / "network.xml")
    (directory / "model.json").write_text('{"precision": "f32"}')
    with zipfile.ZipFile(directory / "mean.mar", "w") as archive:
        for name in ("network.xml", "network.bin", "model.json"):
            archive.write(directory / name, name)
    network = unpack_network(directory / "mean.mar", directory / "mean")
    alone = network_alone(str(network), batch=8, threads=1, seconds=0)
    assert len(alone["milliseconds"]) == 3
    assert min(alone["milliseconds"]) > 0
    assert alone["cpu_ms"] > 0
