"""What a good engineer would write instead of this project, for comparison alone: FastAPI and OpenVINO in one process.

A plain endpoint, which FastAPI runs in its pool of threads; Pillow; every model compiled at the start for throughput,
and an infer request for each thread. It has no limits, checks, batches, metrics or reloading. ``CATALOGUE`` says which
models there are; their networks are those that the stack's archives were unpacked to.
"""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import uvicorn
from fastapi import FastAPI, File, Form, HTTPException, UploadFile
from PIL import Image, ImageOps

from scripts.bench.limits import FLOATS
from scripts.catalogue import load_catalogue
from scripts.checkpoints.libraries import import_openvino
from scripts.console import new_app, run
from scripts.settings import load_settings

openvino = import_openvino()

CATALOGUE = load_catalogue(load_settings().catalogue)
SIZE = (224, 224)


class Network:
    """A compiled network; each thread that uses it gets an infer request of its own."""

    def __init__(self, core: Any, file: Path) -> None:
        precision = json.loads(file.with_name("model.json").read_text())["precision"]
        options = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": precision if precision in FLOATS else "f32",
        }
        self._compiled = core.compile_model(core.read_model(file), "CPU", options)
        self._requests = threading.local()
        # The first inference of a process must be alone: two at once may wait for each other for ever, one of them with
        # Python's lock and the other in what the bindings do only once (seen with OpenVINO 2026.4.1).
        self.probabilities(np.zeros((*SIZE, 3), np.uint8))

    def probabilities(self, pixels: Any) -> list[float]:
        """Of one picture: uint8 (224, 224, 3)."""
        if not hasattr(self._requests, "own"):
            self._requests.own = self._compiled.create_infer_request()
        answer: list[float] = self._requests.own.infer([pixels[None]], share_inputs=True)[0][0].tolist()
        return answer


networks: dict[str, Network] = {}
app = FastAPI(title="Emotion Detection API")


@app.post("/api/v1/predict")
def predict(file: Annotated[UploadFile, File()], model: Annotated[str, Form()]) -> dict[str, Any]:
    """Predict the emotion of one image."""
    if model not in networks:
        raise HTTPException(status_code=400, detail=f"Invalid model: {model}")
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(file.file.read()))).convert("RGB")
    except Exception as error:
        raise HTTPException(status_code=400, detail="Invalid image") from error
    row = networks[model].probabilities(np.asarray(image.resize(SIZE, Image.Resampling.BILINEAR)))
    ranked = sorted(zip(CATALOGUE[model].emotions, row, strict=True), key=lambda pair: -pair[1])
    label, confidence = ranked[0]
    return {
        "success": True,
        "model": model,
        "predictions": dict(ranked),
        "top_emotion": label,
        "confidence": confidence,
    }


@app.get("/api/v1/health")
def health() -> dict[str, Any]:
    """Report whether the backend serves."""
    return {"status": "healthy", "device": "cpu", "loaded_models": len(networks), "available_models": len(CATALOGUE)}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve the networks below a folder, on a port of this machine, until a signal."""
    commands = new_app("Serve the peer.")

    @commands.command()
    def serve(unpacked: Path, port: int = 8000) -> int:
        core = openvino.Core()
        for name, model in CATALOGUE.items():
            [file] = unpacked.glob(f"*/{model.archive_name}/network.xml")
            networks[name] = Network(core, file)
        uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
        return 0

    return run(commands, "peer", argv)


if __name__ == "__main__":
    sys.exit(main())
