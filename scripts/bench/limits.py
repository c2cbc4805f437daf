"""What this machine can do at best: decoding, shrinking and the network with nothing around them, and each alone.

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
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from scripts.bench import BenchError
from scripts.bench.child import serve_jobs
from scripts.checkpoints.libraries import import_openvino

openvino = import_openvino()

_GEMM_SIZE = 2048
FLOATS = ("f32", "f16", "bf16")  # others are in the network itself
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
def compiled(network: str, batch: int, threads: int, streams: int = 1) -> Any:
    """The network for batches of exactly ``batch`` images in its archive's precision.

    ``streams`` batches are computed at once, on ``threads`` threads together.
    """
    precision = _described(network)["precision"]
    core = openvino.Core()
    model = core.read_model(network)
    model.reshape([batch, 224, 224, 3])
    options = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": precision if precision in FLOATS else "f32",
    }
    if streams > 1:
        options["NUM_STREAMS"] = streams
    ready = core.compile_model(model, "CPU", options)
    ready([np.zeros((batch, 224, 224, 3), np.uint8)])  # alone, see scripts/bench/peer.py
    return ready


def _described(network: str) -> dict[str, Any]:
    """What the archive of the network says of itself."""
    description: dict[str, Any] = json.loads(Path(network).with_name("model.json").read_text())
    return description


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


def pipeline_alone(network: str, image: str, batch: int, cores: int, seconds: float) -> dict[str, Any]:
    """Decode, shrink and compute an image file again and again for ``seconds``, with nothing around it.

    With a ``batch`` above 0 on all cores at once: each decodes so many images and computes them as a batch of its own.
    With 0 one image after the other, computed by all cores. Returns images a second as ``rate``, and the
    ``milliseconds`` that one takes at that rate.
    """
    threads, size = (cores, batch) if batch else (1, 1)
    model = compiled(network, size, cores, threads)
    requests = [model.create_infer_request() for _ in range(threads)]
    data, fast = Path(image).read_bytes(), _described(network).get("preprocessing") == "fast"
    with ThreadPoolExecutor(threads) as pool, ThreadPoolExecutor(1) as helper:

        def go_on(request: Any) -> float:
            step = partial(_answer, request, data, size, None if batch else helper, fast)
            return statistics.median(timed(step, seconds, least=2))

        rate = sum(size * 1000 / milliseconds for milliseconds in pool.map(go_on, requests))
    return {"rate": rate, "milliseconds": 1000 / rate}


def _answer(request: Any, data: bytes, size: int, helper: ThreadPoolExecutor | None, fast: bool) -> None:
    from face_image import read_face  # handlers/ is on the path of this process only

    faces = [read_face(data, helper=helper, fast=fast, reduced=fast) for _ in range(size)]
    request.infer([np.stack(faces)], share_inputs=True)


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
    functions = {"network": network_alone, "pipeline": pipeline_alone, "gemm": gemm_peak, "image": image_steps}
    return {"result": functions[job.pop("kind")](**job)}  # type: ignore[operator]


if __name__ == "__main__":
    sys.exit(serve_jobs(work))
