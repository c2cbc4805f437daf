"""Draw seeded faces: an expression on a made-up person, in a made-up pose, size, place and light."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import resvg_py
from PIL import Image

from scripts.pictures.drawing import BOX, EXPRESSIONS, HAIR, Look, Pose, svg

SIZES = (128, 160, 192, 224)  # pixels, width and height
SKINS = (
    ("#f2d0b5", "#d8a684"),
    ("#f0c9a8", "#d59c78"),
    ("#eebd98", "#cf8f68"),
    ("#e9b08d", "#c9805f"),
    ("#d9a27c", "#b3774f"),
    ("#c98f68", "#a06a45"),
    ("#a9714d", "#855234"),
    ("#8d5a3b", "#6a3f27"),
)
HAIR_COLOURS = ("#3b2a22", "#8a5a2f", "#1f1a18", "#17110e", "#5d4634", "#a4472b", "#c9a25f", "#9a958e")
BACKDROPS = ("#d9cfc4", "#cfd6c6", "#c9cfdc", "#e9d9b4", "#d6d8d4", "#c3cfdb", "#c5dcd8", "#e3c9cd")
SHIRTS = ("#4d5f63", "#7a4b4b", "#3f5a7d", "#6f7a4a", "#8a8a8a", "#2d2d33")


def render(document: str, size: int = BOX) -> Image.Image:
    """Turn an SVG document into an RGB image of ``size`` by ``size`` pixels."""
    data = resvg_py.svg_to_bytes(svg_string=document, width=size, height=size, skip_system_fonts=True)
    return Image.open(io.BytesIO(data)).convert("RGB")


def drawn_face(expression: str, *seed: int) -> Image.Image:
    """Draw one face with an expression of EXPRESSIONS; ``seed`` decides everything else."""
    random = np.random.default_rng(seed)
    shown = EXPRESSIONS[expression]
    if random.random() < 0.5:  # not every wrinkle or tear shows
        shown = replace(shown, extras="")
    image = render(svg(shown, made_up_look(random), made_up_pose(random), gradients=False), int(random.choice(SIZES)))
    return lit(image, random)


def made_up_look(random: np.random.Generator) -> Look:
    """Any skin, hair, backdrop and shirt."""
    skin, shade = SKINS[random.integers(len(SKINS))]
    hair, backdrop, style, shirt = (
        str(random.choice(choices)) for choices in (HAIR_COLOURS, BACKDROPS, list(HAIR), SHIRTS)
    )
    return Look(skin, shade, hair, backdrop, style, shirt)


def made_up_pose(random: np.random.Generator) -> Pose:
    """A head that is turned, nods, leans, is near or far, and does what it does more or less strongly."""
    size, left, up = random.uniform(0.92, 1.08), random.uniform(-8, 8), random.uniform(-8, 8)
    mirror = random.choice([-1, 1])
    person = (
        f"translate({160 + left:.2f} {170 + up:.2f}) rotate({random.uniform(-5, 5):.2f}) "
        f"scale({mirror * size:.3f} {size * random.uniform(0.96, 1.04):.3f}) translate(-160 -170)"
    )
    turned, nodded = random.uniform(-6, 6), random.uniform(-4, 4)
    narrower = 1 - abs(turned) / 80
    features = f"translate({160 + turned:.2f} {nodded:.2f}) scale({narrower:.3f} 1) translate(-160 0)"
    brows = f"translate(0 {random.uniform(-2, 2):.2f})" + _scaled(random, 142, 0.1)
    return Pose(
        person, features, brows, _scaled(random, 228, 0.12), (random.uniform(0.9, 1.1), random.uniform(0.9, 1.1))
    )


def _scaled(random: np.random.Generator, y: float, most: float) -> str:
    """Widths and heights changed by at most the share ``most``, about the middle of the face at height ``y``."""
    across, down = random.uniform(1 - most, 1 + most, 2)
    return f"translate(160 {y}) scale({across:.3f} {down:.3f}) translate(-160 {-y})"


def lit(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Light of some strength and colour that falls from one side, and a camera's grain."""
    height, width = image.height, image.width
    down, across = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    angle = random.uniform(0, 2 * np.pi)
    ramp = 1 + np.float32(random.uniform(0, 0.25)) * (np.cos(angle) * across + np.sin(angle) * down)
    colour = (random.uniform(0.7, 1.15) * random.uniform(0.95, 1.05, 3)).astype(np.float32)
    grain = random.standard_normal((height, width, 1), np.float32) * np.float32(random.uniform(0, 6))
    lit = np.asarray(image) * ramp[:, :, None] * colour + grain
    return Image.fromarray(lit.clip(0, 255).astype(np.uint8))
