"""A picture with a box and a word for each of its faces, as ``scripts/predict --faces`` writes it."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from scripts.client.service import Answer, PredictError
from scripts.files import cannot_write

COLOURS = ("#2563eb", "#dc2626", "#16a34a", "#d97706", "#9333ea", "#0891b2")


def draw_boxes(data: bytes, faces: Sequence[Answer]) -> Image.Image:
    """The upright picture of an image file with the box, number and most probable label of each face."""
    with Image.open(io.BytesIO(data)) as image:
        picture = ImageOps.exif_transpose(image).convert("RGB")
    pencil = ImageDraw.Draw(picture)
    line = max(2, picture.height // 240)
    font = ImageFont.load_default(max(12, picture.height // 30))
    for number, face in enumerate(faces, start=1):
        colour, box = COLOURS[(number - 1) % len(COLOURS)], face.body["box"]
        left, top = box["x"], box["y"]
        pencil.rectangle((left, top, left + box["width"], top + box["height"]), outline=colour, width=line)
        text = f"{number} {face.body['top_emotion']} {face.body['confidence']:.0%}"
        _, _, width, height = pencil.textbbox((0, 0), text, font=font)
        # Below the face, but within the picture.
        corner = (max(0, min(left, picture.width - width)), min(top + box["height"], picture.height - height))
        pencil.rectangle(pencil.textbbox(corner, text, font=font), fill=colour)
        pencil.text(corner, text, fill="white", font=font)
    return picture


def write_boxes(image: Path, data: bytes, faces: Sequence[Answer], model: str) -> Path:
    """Write that picture beside ``image`` and return its name. Raises PredictError if it cannot be written."""
    file = image.with_name(f"{image.stem}-{model}-faces.png")
    try:
        draw_boxes(data, faces).save(file)
    except OSError as error:
        raise PredictError(cannot_write(error, file)) from error
    return file
