"""What the clients of a soak send: good pictures of all sizes and formats, and those that must be refused."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from scripts.bench.images import image_bytes, predict_request, write_once
from scripts.catalogue import Model
from scripts.probes import seeded_image

# So that the small ones get most requests, as they do where somebody has the choice.
_MODEL_WEIGHTS = {"MobileNetV2": 6.0, "ResNet50": 2.0, "VGG19": 1.0}
# Shares of all requests, in percent.
_GOOD = {"small PNG": 30.0, "VGA JPEG": 40.0, "VGA PNG": 8.0, "VGA WebP": 13.5, "12 MP JPEG": 3.0, "49 MP PNG": 0.5}
_BAD = {
    "truncated JPEG": (1.0, 400),
    "truncated PNG": (0.5, 400),
    "no picture": (1.0, 415),
    "empty file": (0.5, 400),
    "56 MP PNG": (0.5, 413),
    "form of 11 MB": (0.5, 413),
    "unknown model": (1.0, 400),
}
_BODY_LIMIT = 10 << 20


@dataclass(frozen=True)
class Kind:
    """A prepared request: what it is called, the file that holds it, its one right status, its share of all."""

    name: str
    path: str
    status: int
    weight: float


def write_requests(models: Mapping[str, Model], directory: Path) -> list[dict[str, Any]]:
    """Write every kind of request for every model; as the load generator's job takes them."""
    pictures = _pictures()
    shares = {name: _MODEL_WEIGHTS.get(model.architecture, 1.0) for name, model in models.items()}
    total = sum(shares.values())
    kinds = []
    for name, (weight, status) in _weights():
        for model, share in shares.items():
            asked = "no such model" if name == "unknown model" else model
            path = directory / f"{name.replace(' ', '-')}-{models[model].archive_name}.http"
            write_once(path, predict_request(pictures[name], asked))
            kinds.append(asdict(Kind(name, str(path), status, weight * share / total)))
    return kinds


def _weights() -> Iterator[tuple[str, tuple[float, int]]]:
    yield from ((name, (weight, 200)) for name, weight in _GOOD.items())
    yield from _BAD.items()


def _pictures() -> dict[str, bytes]:
    frame, grey = image_bytes("frame"), image_bytes("small")
    vga = seeded_image(3)
    png = _encoded(vga, "PNG")
    return {
        "small PNG": grey,
        "VGA JPEG": frame,
        "VGA PNG": png,
        "VGA WebP": _encoded(vga, "WEBP", quality=80),
        "12 MP JPEG": image_bytes("photo"),
        "49 MP PNG": _encoded(Image.new("RGB", (7000, 7000), (90, 120, 150)), "PNG"),
        "truncated JPEG": frame[: len(frame) // 2],
        "truncated PNG": png[: len(png) // 2],
        "no picture": b"%PDF-1.7\n" + bytes(20_000),
        "empty file": b"",
        "56 MP PNG": _encoded(Image.new("L", (8000, 7000), 9), "PNG"),
        "form of 11 MB": frame + bytes(_BODY_LIMIT),
        "unknown model": grey,
    }


def _encoded(image: Image.Image, form: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()
