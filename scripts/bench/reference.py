"""The backend this project replaces, for comparison alone: the seed's design as a small FastAPI program.

One process, an ``async`` endpoint, torchvision's transforms, eager torch, every model loaded at the start and kept.
``RESULTS_DIR`` and ``CATALOGUE`` say where checkpoints and models are.
"""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import torch
import uvicorn
from fastapi import FastAPI, File, Form, HTTPException, UploadFile
from fastapi.middleware.cors import CORSMiddleware
from PIL import Image
from torch import nn
from torchvision import models, transforms

from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints.reading import load_checkpoint
from scripts.console import new_app, run
from scripts.settings import load_settings

logger = logging.getLogger("reference")

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
SETTINGS = load_settings()
MODEL_CONFIGS = load_catalogue(SETTINGS.catalogue)
TRANSFORM = transforms.Compose(
    [
        transforms.Resize((224, 224)),
        transforms.ToTensor(),
        transforms.Normalize([0.5, 0.5, 0.5], [0.5, 0.5, 0.5]),
    ]
)

NETWORKS = {"MobileNetV2": models.mobilenet_v2, "ResNet50": models.resnet50, "VGG19": models.vgg19}

loaded_models: dict[str, nn.Module] = {}


def load_model(config: Model) -> nn.Module:
    """Read a checkpoint, in whatever form the archives are made from, into its network."""
    checkpoint = load_checkpoint(SETTINGS.results_dir / config.checkpoint_file, config)
    network: nn.Module = NETWORKS[config.architecture](weights=None, num_classes=len(config.emotions))
    network.load_state_dict(checkpoint.state_dict)
    logger.info("Loaded %s", config.name)
    return network.to(DEVICE).eval()


def get_model(name: str) -> nn.Module:
    """A model of the cache; one that is missing is loaded now."""
    if name not in loaded_models:
        loaded_models[name] = load_model(MODEL_CONFIGS[name])
    return loaded_models[name]


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Load every model once, on startup."""
    for name in MODEL_CONFIGS:
        get_model(name)
    yield


app = FastAPI(title="Emotion Detection API", lifespan=lifespan)
app.add_middleware(
    CORSMiddleware,
    allow_origins=["http://localhost:5173", "http://localhost:3000"],
    allow_credentials=True,
    allow_methods=["*"],
    allow_headers=["*"],
)


@app.post("/api/v1/predict")
async def predict(file: Annotated[UploadFile, File()], model: Annotated[str, Form()]) -> dict[str, Any]:
    """Predict the emotion of one image."""
    if model not in MODEL_CONFIGS:
        raise HTTPException(status_code=400, detail=f"Invalid model: {model}")
    network = get_model(model)
    try:
        image = Image.open(io.BytesIO(await file.read())).convert("RGB")
        tensor = TRANSFORM(image).unsqueeze(0).to(DEVICE)
    except Exception as error:
        logger.exception("Image processing failed")
        raise HTTPException(status_code=400, detail=f"Invalid image: {error}") from error
    with torch.no_grad():
        probabilities = torch.softmax(network(tensor), dim=1)[0].tolist()
    predictions = dict(zip(MODEL_CONFIGS[model].emotions, probabilities, strict=True))
    predictions = dict(sorted(predictions.items(), key=lambda item: item[1], reverse=True))
    top_emotion = next(iter(predictions))
    logger.info("Prediction with %s: %s", model, top_emotion)
    return {
        "success": True,
        "model": model,
        "predictions": predictions,
        "top_emotion": top_emotion,
        "confidence": predictions[top_emotion],
    }


@app.get("/api/v1/models")
async def list_models() -> dict[str, Any]:
    """Describe the models."""
    return {
        "models": {
            name: {
                "architecture": config.architecture,
                "dataset": config.dataset,
                "emotions": config.emotions,
                "accuracy": config.accuracy,
            }
            for name, config in MODEL_CONFIGS.items()
        },
        "loaded_models": list(loaded_models),
    }


@app.get("/api/v1/health")
async def health() -> dict[str, Any]:
    """Report whether the backend serves."""
    return {
        "status": "healthy",
        "device": DEVICE.type,
        "loaded_models": len(loaded_models),
        "available_models": len(MODEL_CONFIGS),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Serve on a port of this machine until a signal."""
    commands = new_app("Serve the reference backend.")

    @commands.command()
    def serve(port: int = 8000) -> int:
        logging.basicConfig(level=logging.INFO)
        uvicorn.run(app, host="127.0.0.1", port=port)
        return 0

    return run(commands, "reference", argv)


if __name__ == "__main__":
    sys.exit(main())
