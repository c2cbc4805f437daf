"""What the benchmark's tests measure: one small model, a folder, a generator of load; and a run's figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision

from scripts.bench.child import Child
from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.settings import ROOT, Settings, load_settings
from tests.bench.jobs import MODEL
from tests.support.places import TEST_DIR


@pytest.fixture(scope="module")
def directory(process: str) -> Iterator[Path]:
    path = TEST_DIR / "bench" / process
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


@pytest.fixture
def result() -> dict[str, Any]:
    """What a run writes, with round figures."""
    measured = {"p50": 10.0, "p95": 12.0, "p99": 15.0, "rate": 100.0, "cpu_ms": 9.0, "generator": 0.01, "foreign": 0.02}
    one = {**measured, "requests": 500, "errors": {}}
    ratio = {"share": 0.7, "above_pipeline": 4.0, "peer": {"p50": 1.1, "rate": 1.2}}
    case = {"stack": one, "peer": {**one, "p50": 11.0, "rate": 83.0}, "ratios": ratio}
    exact = {**case, "reference": {**one, "p50": 20.0, "rate": 25.0}, "precision": "f32"}
    exact["ratios"] = {**ratio, "reference": {"p50": 2.0, "rate": 4.0}}
    rounded = {**case, "f32": one, "precision": "bf16", "ratios": {**ratio, "f32": {"p50": 1.8, "rate": 1.9}}}
    pipeline = {"pipeline": {"batch": 1, "p50": 5.0, "rate": 200.0, "drift": 1.1}}
    process = {"pid": 1, "name": "torchserve", "pss": 2000.0, "anon": 1000.0, "shmem": 50.0}
    return {
        "date": "2026-01-02",
        "options": {"pairs": 5, "rounds": 3, "seconds": 4.0, "architectures": ["MobileNetV2"], "clients": [1, 8]},
        "machine": {"processor": "A", "cores": 2, "memory_gb": 8.0, "system": "Linux", "versions": {"torch": "2"}},
        "stand_ins": True,
        "generator": {"p50": 0.3, "rate": 20000.0, "cpu_ms": 0.03, "request_bytes": 61000, "share": 0.3, "errors": {}},
        "start": {"stack": 9.8, "reference": 12.0, "peer": 5.0},
        "memory": {"stack": [process, process], "reference": [process], "peer": [process]},
        "answers": {"frame": 1e-6, "small": 2e-6, "photo": 3e-6},
        "limits": {"gemm": 150.0, "networks": {"MobileNetV2": {"1": 6.0, "8": 40.0}}},
        "cases": [
            {"title": "MobileNetV2", "image": "frame", "clients": clients, **pipeline, **each}
            for each in (exact, rounded)
            for clients in (1, 8)
        ],
        "refused": {"bf16": {}, "int8": {"MobileNetV2": "int8 is refused: accuracy"}},
        "breakdown": {"MobileNetV2": {"latency": {"decode": 2.4, "network": 6.0}, "cpu": {"worker": 12.0}}},
        "build": {"all": 80.0, "one": 12.0},
    }
