"""The answer to a picture never depends on what else is in the batch: alone = with others = torchvision.

Alone, a picture is divided among two threads; with others, each has a thread of its own.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from emotion_handler import EmotionHandler
from image_error import ImageError
from PIL import Image

from tests.handlers import exif
from tests.handlers.exif import ORIENTATION, picture
from tests.handlers.pictures import reference
from tests.support import crafted

# The modes that each format is written in; "reduced" JPEGs are never torchvision's, and are compared elsewhere.
MODES = {
    "PNG": ("RGB", "L", "1", "LA", "P", "RGBA", "I;16"),
    "JPEG": ("RGB", "L", "CMYK"),
    "WEBP": ("RGB", "RGBA"),
    "BMP": ("RGB", "L", "1", "P"),
    "GIF": ("P", "L"),
}
MOST = {"PNG": 10**6, "JPEG": 65_500, "WEBP": 16_383, "BMP": 10**6, "GIF": 65_535}  # pixels of a side
EDGES = (1, 2, 3, 223, 224, 225, 447, 448, 449, 100_000, 100_001, 150_001, 524_288, 524_289)


def random_size(noise: random.Random, most: int) -> tuple[int, int]:
    """Both sides usual, one of them at an edge, or one very long: up to 0.6 megapixels."""
    edges = [edge for edge in EDGES if edge <= most]
    long = noise.choice([noise.choice(edges), int(10 ** noise.uniform(0, 6)), noise.randint(1, 1500)])
    long = max(1, min(long, most))
    room = min(most, max(1, 600_000 // long))
    short = noise.choice([1, min(2, room), min(noise.choice(edges), room), noise.randint(1, room)])
    return (long, short) if noise.random() < 0.5 else (short, long)


def random_file(noise: random.Random) -> tuple[bytes, str]:
    image_format = noise.choice(list(MODES))
    mode, orientation = noise.choice(MODES[image_format]), noise.randint(1, 8)
    size = random_size(noise, MOST[image_format])
    options: dict[str, Any] = {}
    if image_format in ("PNG", "JPEG", "WEBP"):
        data = Image.Exif()
        data[ORIENTATION] = orientation
        options["exif"] = data
    if image_format == "JPEG":
        options |= {"progressive": noise.random() < 0.3, "subsampling": noise.choice((0, 1, 2))}
    if image_format == "PNG":
        options["compress_level"] = 1
    image = picture(size, mode, noise.randrange(100))
    return crafted.encode(image, image_format, **options), f"{image_format} {mode} {size} {orientation}"


def assert_same(handler: EmotionHandler, files: Sequence[bytes], names: Sequence[str]) -> None:
    """Each alone, and all of them together with one that is damaged."""
    together = handler.preprocess([{"body": file} for file in [*files, files[0][:-30], b"no image"]])
    for file, name, face in zip(files, names, together, strict=False):
        # 16 bits are scaled to 8, which Pillow alone would clip.
        expected = exif.reference(file) if "I;16" in name else reference(file)
        (alone,) = handler.preprocess([{"body": file}])
        for kind, got in (("alone", alone), ("with others", face)):
            assert isinstance(got, np.ndarray), (name, kind, str(got))
            assert np.array_equal(got, expected), (name, kind)


@pytest.mark.parametrize("seed", range(12))
def test_any_picture_is_the_same_alone_with_others_and_for_torchvision(handler: EmotionHandler, seed: int) -> None:
    noise = random.Random(seed)
    files, names = zip(*(random_file(noise) for _ in range(6)), strict=True)
    assert_same(handler, files, names)


@pytest.mark.parametrize("mode", MODES["PNG"])
@pytest.mark.parametrize("size", [(524_289, 1), (1_000_000, 1)])
def test_a_line_of_pixels_is_the_same_too(handler: EmotionHandler, size: tuple[int, int], mode: str) -> None:
    files = []
    for orientation in (1, 6):
        data = Image.Exif()
        data[ORIENTATION] = orientation
        files.append(crafted.encode(picture(size, mode), "PNG", exif=data, compress_level=1))
    assert_same(handler, files, [f"{mode} {size}"] * 2)


@pytest.mark.parametrize("files", [(b"\xff\xd8\xff", b"GIF89a"), (b"BM" + bytes(99),) * 9, (b"x",)])
def test_what_is_refused_is_refused_alone_too(handler: EmotionHandler, files: tuple[bytes, ...]) -> None:
    together = handler.preprocess([{"body": file} for file in files])
    for file, face in zip(files, together, strict=True):
        (alone,) = handler.preprocess([{"body": file}])
        assert isinstance(face, ImageError)
        assert isinstance(alone, ImageError)
        assert (alone.status, str(alone)) == (face.status, str(face))
