"""The benchmark's parts: does it count right, compare right and say what it measured?"""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino
import psutil
import pytest
import torch
import torchvision
from openvino import opset13
from PIL import Image

from scripts.bench import BenchError
from scripts.bench.__main__ import main
from scripts.bench.child import Child
from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.bench.limits import network_alone, timed, unpack_network
from scripts.bench.measure import Case, Slice, percentiles, ratios, together
from scripts.bench.page import page, verdict, warning
from scripts.bench.plot import draw
from scripts.bench.processes import Meter, memory, parse_rollup
from scripts.bench.servers import null_server, reference_backend, stack_settings
from scripts.bench.tables import all_tables
from scripts.bench.targets import targets
from scripts.settings import ROOT, Settings, load_settings
from tests.support.commands import run_command

MODEL = "MobileNetV2_FER2013"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    path = ROOT / ".run" / "tests" / "bench"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def settings(directory: Path) -> Settings:
    """A catalogue of one small model, with a checkpoint of seeded random numbers."""
    catalogue = json.loads((ROOT / "models.json").read_text())
    (directory / "models.json").write_text(json.dumps({MODEL: catalogue[MODEL]}))
    torch.manual_seed(0)
    network = torchvision.models.mobilenet_v2(num_classes=7)
    (directory / "results").mkdir()
    torch.save(network.state_dict(), directory / "results" / f"{MODEL}_best.pt")
    names = {"CATALOGUE": directory / "models.json", "RESULTS_DIR": directory / "results", "RUN_DIR": directory / "run"}
    return load_settings({name: str(path) for name, path in names.items()})


@pytest.fixture(scope="module")
def generator(directory: Path) -> Iterator[Child]:
    with Child("scripts.bench.generator", directory / "generator.log") as child:
        yield child


@pytest.fixture(scope="module")
def request_file(directory: Path) -> Path:
    return write_once(directory / "frame.http", predict_request(image_bytes("frame"), MODEL))


def job(port: int, *requests: Path, clients: int = 1, seconds: float = 0, rounds: int = 1) -> dict[str, Any]:
    paths = [str(path) for path in requests]
    return {"port": port, "requests": paths, "clients": clients, "seconds": seconds, "rounds": rounds}


def test_the_generator_makes_every_request_it_was_asked_for(
    settings: Settings, directory: Path, generator: Child, request_file: Path
) -> None:
    with null_server(settings, directory / "null") as port:
        tally = generator.ask(job(port, request_file, clients=32, rounds=10))
    assert len(tally["latencies"]) == 320
    assert tally["errors"] == {}
    assert tally["answer"].startswith('{"success": true')


def test_the_generator_is_many_times_faster_than_any_model(
    settings: Settings, directory: Path, generator: Child, request_file: Path
) -> None:
    with null_server(settings, directory / "null") as port:
        tally = generator.ask(job(port, request_file, clients=8, seconds=0.3))
    assert len(tally["latencies"]) / tally["cpu"] > 2000  # requests of 61 kB per second of processor time


def test_the_generator_counts_connections_that_are_hung_up(generator: Child, request_file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            for _ in range(3):
                connection, _ = server.accept()
                connection.recv(1000)
                connection.close()
            server.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        tally = generator.ask(job(server.getsockname()[1], request_file, rounds=3))
        thread.join(timeout=10)
    assert (tally["latencies"], tally["errors"]) == ([], {"hung up": 3})


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


def test_timing_leaves_the_first_call_out() -> None:
    calls: list[int] = []
    assert len(timed(lambda: calls.append(1), seconds=0, least=5)) == 5
    assert len(calls) == 6


def test_a_meter_tells_own_from_foreign_processor_time() -> None:
    with Meter([os.getpid()]) as meter:
        sum(range(3_000_000))
    assert 0 < meter.cpu <= meter.capacity
    assert 0 <= meter.foreign <= 1


def test_memory_is_read_in_megabytes() -> None:
    assert parse_rollup("7f-7f r--p [rollup]\nRss:  2000 kB\nPss:  1000 kB\n") == {"Rss": 2.048, "Pss": 1.024}


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}
    assert percentiles([1.0, 2.0, 3.0]) == {"p50": 2.0, "p95": pytest.approx(2.9), "p99": pytest.approx(2.98)}


def load_slice(latency: float, rate: float, errors: dict[str, int] | None = None) -> Slice:
    return Slice([latency] * 3, errors or {}, rate, cpu_ms=1.0, generator=0.01, foreign=0.2)


def test_slices_are_put_together() -> None:
    slices = [load_slice(10, 100), load_slice(20, 50, {"503": 2}), load_slice(10, 90, {"503": 1})]
    assert together(slices) == {
        "p50": 10,
        "p95": 20,
        "p99": 20,
        "rate": 90,
        "cpu_ms": 1.0,
        "generator": 0.01,
        "foreign": 0.2,
        "requests": 9,
        "errors": {"503": 3},
    }


def test_ratios_are_taken_within_pairs() -> None:
    stack = [load_slice(10, 100), load_slice(20, 50), load_slice(10, 100)]  # the machine was slow once
    reference = [load_slice(30, 25), load_slice(60, 12.5), load_slice(30, 25)]
    found = ratios(stack, reference, network_rates=[125, 62.5, 125])
    assert found == {"p50": 3, "rate": 4, "share": 0.8, "above_network": pytest.approx(2)}


def test_ratios_of_a_server_that_does_not_answer_are_none() -> None:
    silent = replace(load_slice(1, 0, {"503": 3}), latencies=[])
    assert ratios([silent], [load_slice(1, 1)], [1]) == dict.fromkeys(("p50", "rate", "share", "above_network"))


@pytest.mark.parametrize(("clients", "models", "batch"), [(1, 1, 1), (8, 1, 8), (32, 1, 8), (8, 9, 1)])
def test_only_many_clients_of_one_model_fill_a_batch(clients: int, models: int, batch: int) -> None:
    assert Case("all", tuple(map(str, range(models))), "frame", clients).batch == batch


def test_a_run_measures_both_servers_and_leaves_none_behind(settings: Settings, directory: Path) -> None:
    paths = {"CATALOGUE": settings.catalogue, "RESULTS_DIR": settings.results_dir, "RUN_DIR": settings.run_dir}
    environment = {**os.environ, "MODEL_STORE": str(directory / "store"), **{k: str(v) for k, v in paths.items()}}
    output = directory / "figures.json"
    options = ["--quick", "--pairs", "1", "--seconds", "0.2", "--clients", "1", "8", "--output", str(output)]
    done = run_command(environment, "bench", "run", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text())
    assert max(figures["answers"].values()) <= 1e-4
    cases = {(case["title"], case["image"], case["clients"]): case for case in figures["cases"]}
    frames = {(title, "frame", clients) for title in ("MobileNetV2", "all models") for clients in (1, 8)}
    assert cases.keys() == frames | {("MobileNetV2", "small", 1), ("MobileNetV2", "photo", 1)}
    for case in cases.values():
        assert case["stack"]["errors"] == case["reference"]["errors"] == {}
        assert case["stack"]["requests"] >= case["clients"]
    names = {process["name"] for process in figures["memory"]["stack"]}
    assert {"torchserve", "proxy", f"worker {MODEL}"} <= names
    assert set(figures["breakdown"]["MobileNetV2"]["latency"]) == {"decode", "resize", "network", "torchserve", "proxy"}
    assert "targets reached" in done.stdout
    assert not [process for process in psutil.process_iter() if str(settings.run_dir) in " ".join(command(process))]


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@pytest.fixture
def result() -> dict[str, Any]:
    """What a run writes, with round figures."""
    measured = {"p50": 10.0, "p95": 12.0, "p99": 15.0, "rate": 100.0, "cpu_ms": 9.0, "generator": 0.01, "foreign": 0.02}
    one = {**measured, "requests": 500, "errors": {}}
    ratio = {"p50": 2.0, "rate": 4.0, "share": 0.7, "above_network": 5.0}
    case = {"stack": one, "reference": {**one, "p50": 20.0, "rate": 25.0}, "ratios": ratio}
    network = {"network": {"batch": 1, "p50": 5.0, "rate": 200.0, "drift": 1.1}}
    process = {"pid": 1, "name": "torchserve", "pss": 2000.0, "anon": 1000.0, "shmem": 50.0}
    return {
        "date": "2026-01-02",
        "options": {"pairs": 5, "rounds": 3, "seconds": 4.0, "architectures": ["MobileNetV2"], "clients": [1, 8]},
        "machine": {"processor": "A", "cores": 2, "memory_gb": 8.0, "system": "Linux", "versions": {"torch": "2"}},
        "stand_ins": True,
        "generator": {"p50": 0.3, "rate": 20000.0, "cpu_ms": 0.03, "request_bytes": 61000, "share": 0.3, "errors": {}},
        "start": {"stack": 9.8, "reference": 12.0},
        "memory": {"stack": [process, process], "reference": [process]},
        "answers": {"frame": 1e-6, "small": 2e-6, "photo": 3e-6},
        "limits": {"gemm": 150.0, "networks": {"MobileNetV2": {"1": 6.0, "8": 40.0}}},
        "cases": [
            {"title": "MobileNetV2", "image": "frame", "clients": clients, **network, **case} for clients in (1, 8)
        ],
        "breakdown": {"MobileNetV2": {"latency": {"decode": 2.4, "network": 6.0}, "cpu": {"worker": 12.0}}},
        "build": {"all": 80.0, "one": 12.0},
    }


def test_targets_say_what_was_reached(result: dict[str, Any]) -> None:
    assert {target.cells for target in targets(result)} == {
        ("MobileNetV2, p50 above the network alone", "5.0 ms", "≤ 6.0 ms", "yes"),
        ("MobileNetV2, p50 against the reference", "2.00 times", "≥ 1.75 times", "yes"),
        ("MobileNetV2, 8 clients, share of the network alone", "70%", "≥ 65%", "yes"),
        ("MobileNetV2, 8 clients, against the reference", "4.00 times", "≥ 3.00 times", "yes"),
        ("MobileNetV2, 8 clients, p99 / p50", "1.50", "≤ 2.00", "yes"),
        ("errors under load", "0", "≤ 0", "yes"),
        ("largest difference of a probability", "3.0e-06", "≤ 1.0e-04", "yes"),
        ("from start to all READY", "9.8 s", "≤ 12.0 s", "yes"),
        ("memory that cannot be dropped", "2,100 MB", "≤ 3,000 MB", "yes"),
        ("all archives built", "80.0 s", "≤ 90.0 s", "yes"),
        ("one small archive built again", "12.0 s", "≤ 10.0 s", "**no**"),
    }
    assert verdict(result) == "10 of 11 targets reached; not: one small archive built again."


def test_the_report_is_made_from_the_figures_alone(result: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(result))
    command = ["report", str(tmp_path / "figures.json"), "--page", str(tmp_path / "performance.md")]
    assert main(command) == 0
    text, plot = ((tmp_path / f"performance.{suffix}").read_text() for suffix in ("md", "svg"))
    assert text == page(result, "performance")
    assert "| MobileNetV2, 8 clients | 10.0 / 20.0 | 12.0 / 12.0 | 15.0 / 15.0 | 2.00× |  |" in text
    for table in all_tables(result):
        assert f"## {table.title}" in text
        assert all(len(row) == len(table.headings) for row in table.rows)
    assert "MobileNetV2, 8 clients" in plot
    draw(result, tmp_path / "again.svg", tmp_path)
    assert (tmp_path / "again.svg").read_text() == plot
    assert json.loads((tmp_path / "performance.json").read_text()) == result


def test_a_run_on_a_busy_machine_says_so(result: dict[str, Any]) -> None:
    assert warning(result) == ""
    result["cases"][0]["reference"]["foreign"] = 0.4
    assert "others took up to 40% of it" in warning(result)
    assert "drifted" not in warning(result)
    result["cases"][0]["network"]["drift"] = 2.5
    assert "took up to 2.5 times as long" in warning(result)
    assert warning(result) in page(result, "plot")


def test_the_command_says_how_it_is_used() -> None:
    done = run_command(dict(os.environ), "bench", "--help")
    assert done.returncode == 0, done.stderr
    assert "{run,report}" in done.stdout


def test_a_report_without_figures_says_what_it_needs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["report", str(tmp_path / "none.json")]) == 1
    assert "give the JSON file of a run" in capsys.readouterr().err
