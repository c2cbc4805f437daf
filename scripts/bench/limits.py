"""What this machine can do at best: the network with nothing around it, a matrix product, an image decoded.

A process of its own, so that the benchmark's own work and threads do not affect the numbers.
"""

from __future__ import annotations

import io
import json
import statistics
import sys
import time
import zipfile
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scripts.bench import BenchError
from scripts.bench.child import serve_jobs
from scripts.checkpoints.libraries import import_openvino

openvino = import_openvino()

_GEMM_SIZE = 2048
_FLOATS = ("f32", "f16", "bf16")  # others are in the network itself
_NETWORK_FILES = ("network.xml", "network.bin", "model.json")


def unpack_network(archive: Path, directory: Path) -> Path:
    """Copy the network out of an archive. Returns its XML file; raises BenchError if it is not OpenVINO's."""
    directory.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as file:
        if missing := set(_NETWORK_FILES) - set(file.namelist()):
            raise BenchError(f"{archive.name}: no {sorted(missing)[0]} in it; build it with RUNTIME=openvino")
        for name in _NETWORK_FILES:
            file.extract(name, directory)
    return directory / "network.xml"


@lru_cache(maxsize=3)
def compiled(network: str, batch: int, threads: int) -> Any:
    """The network for batches of exactly ``batch`` images, on ``threads`` threads, in its archive's precision."""
    precision = json.loads(Path(network).with_name("model.json").read_text())["precision"]
    core = openvino.Core()
    model = core.read_model(network)
    model.reshape([batch, 224, 224, 3])
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision if precision in _FLOATS else "f32",
    }
    return core.compile_model(model, "CPU", options)


def network_alone(network: str, batch: int, threads: int, seconds: float) -> dict[str, Any]:
    """As many inferences of ``batch`` images as fit into ``seconds``, after one to warm up.

    Returns the ``milliseconds`` of each, and ``cpu_ms``, the processor time of one on average.
    """
    request = compiled(network, batch, threads).create_infer_request()
    images = np.random.default_rng(1).integers(0, 256, (batch, 224, 224, 3), dtype=np.uint8)
    request.infer([images], share_inputs=True)
    cpu = time.process_time()
    milliseconds = timed(lambda: request.infer([images], share_inputs=True), seconds)
    spent = time.process_time() - cpu
    return {"milliseconds": milliseconds, "cpu_ms": spent * 1000 / (len(milliseconds) + 1)}


def gemm_peak(seconds: float) -> float:
    """Best rate of a square float32 matrix product, in GFLOP/s, on all cores."""
    import torch

    left, right = torch.rand(_GEMM_SIZE, _GEMM_SIZE), torch.rand(_GEMM_SIZE, _GEMM_SIZE)
    best = min(timed(lambda: left @ right, seconds))
    return 2 * _GEMM_SIZE**3 / best / 1e6


def image_steps(path: str, seconds: float) -> dict[str, float]:
    """Median milliseconds to decode an image file, and for all that the handler does to it with its own code."""
    from face_image import read_face  # handlers/ is on the path of this process only

    data = Path(path).read_bytes()
    return {
        "decode": statistics.median(timed(lambda: Image.open(io.BytesIO(data)).load(), seconds)),
        "all": statistics.median(timed(lambda: read_face(data), seconds)),
    }


def timed(action: Callable[[], object], seconds: float, least: int = 3) -> list[float]:
    """Milliseconds of each call of ``action``: as many as fit into ``seconds``, ``least`` at least, one unmeasured."""
    action()
    end = time.perf_counter() + seconds
    milliseconds: list[float] = []
    while len(milliseconds) < least or time.perf_counter() < end:
        start = time.perf_counter()
        action()
        milliseconds.append((time.perf_counter() - start) * 1000)
    return milliseconds


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do one job: its ``kind`` names the function, the rest are the arguments."""
    functions = {"network": network_alone, "gemm": gemm_peak, "image": image_steps}
    return {"result": functions[job.pop("kind")](**job)}  # type: ignore[operator]


if __name__ == "__main__":
    sys.exit(serve_jobs(work))
