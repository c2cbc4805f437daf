"""Pictures, the files that they are encoded in, and what torchvision makes of them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from face_image import DEFAULT_MAX_PIXELS, ImageError, read_face
from PIL import Image, ImageOps
from torchvision import transforms

ORIENTATION = 0x0112
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF")
ACCEPTED = "send a JPEG, PNG, WebP, BMP or GIF file."


def picture(width: int = 64, height: int = 48, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """A picture in which no part equals another: noise at two scales."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)).resize((width, height))
    fine = Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return Image.blend(coarse, fine, 0.3).convert(mode)


def encode(image: Image.Image, image_format: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def with_orientation(image: Image.Image, orientation: int, image_format: str = "JPEG") -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encode(image, image_format, exif=exif)


def reference(data: bytes) -> npt.NDArray[np.uint8]:
    """What the networks were trained on, after the orientation: torchvision on Pillow's picture."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return np.asarray(transforms.Resize((224, 224))(image))


def png_chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_chunk(png: bytes, name: bytes, content: bytes) -> bytes:
    """Insert a chunk behind the header of a PNG."""
    return png[:33] + png_chunk(name, content) + png[33:]


def refusal(data: bytes, max_pixels: int = DEFAULT_MAX_PIXELS) -> tuple[str, int, str]:
    with pytest.raises(ImageError) as caught:
        read_face(data, max_pixels)
    return caught.value.kind, caught.value.status, str(caught.value)
