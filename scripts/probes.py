"""Seeded images that look a little like photographs: structure at every scale, colour, no symmetry."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

ORIENTATION = 0x0112  # the EXIF tag
QUARTER_TURN = 6  # "rotate by 90° clockwise to view"


def seeded_image(seed: int, size: tuple[int, int] = (640, 480)) -> Image.Image:
    """Draw an RGB image of ``size`` (width, height): colour gradients, ellipses, strokes and fine grain."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(10):
        _draw_ellipse(draw, random, size)
    for _ in range(14):
        _draw_stroke(draw, random, size)
    image = image.filter(ImageFilter.GaussianBlur(1))
    grain = random.normal(0, random.uniform(8, 40), (size[1], size[0], 1))
    return Image.fromarray((np.asarray(image) + grain).clip(0, 255).astype(np.uint8))


def probe_files(seed: int) -> dict[str, bytes]:
    """Encode a handful of seeded images the way clients send them: JPEG, grey PNG, JPEG turned by EXIF."""
    turned = Image.Exif()
    turned[ORIENTATION] = QUARTER_TURN
    return {
        "frame.jpg": _encoded(seeded_image(seed), "JPEG", quality=80),
        "grey.png": _encoded(seeded_image(seed + 1, (48, 48)).convert("L"), "PNG"),
        "turned.jpg": _encoded(seeded_image(seed + 2, (600, 800)), "JPEG", exif=turned),
    }


def _draw_ellipse(draw: ImageDraw.ImageDraw, random: np.random.Generator, size: tuple[int, int]) -> None:
    width, height = size
    x, y = random.uniform(0, width), random.uniform(0, height)
    across, down = random.uniform(0.05, 0.3, 2) * (width, height)
    draw.ellipse((x - across, y - down, x + across, y + down), fill=_colour(random))


def _draw_stroke(draw: ImageDraw.ImageDraw, random: np.random.Generator, size: tuple[int, int]) -> None:
    ends = [(float(x), float(y)) for x, y in random.uniform(0, 1, (3, 2)) * size]
    draw.line(ends, fill=_colour(random), width=max(1, int(random.uniform(0.002, 0.02) * size[0])))


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = random.integers(0, 256, 3)
    return int(red), int(green), int(blue)


def _encoded(image: Image.Image, form: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()
