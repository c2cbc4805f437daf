"""Draw seeded scenes: one to six drawn people in a made-up place, and where their faces are.

Sizes from 6 to 90 % of the picture's height, heads tilted by up to 30 degrees, any skin, light and blur. The same
seed draws the same scene.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace

import numpy as np
import resvg_py
from PIL import Image, ImageDraw, ImageFilter

from scripts.pictures.drawing import BOX, EXPRESSIONS, svg
from scripts.pictures.people import BACKDROPS, HAIR_COLOURS, SHIRTS, lit, made_up_look, made_up_pose

Box = tuple[float, float, float, float]  # left, top, right, bottom: pixels

SIZES = ((1280, 720), (640, 480), (720, 960))  # pixels, width and height
LEAST, MOST = 0.06, 0.9  # of the picture's height
MAX_TILT = 30.0  # degrees
# The face in a drawing: from ear to ear, and from the middle of the forehead to the chin. Units of its box of BOX.
_CENTRE = (160.0, 193.0)
_SIDE = 168.0
# A person in a scene is drawn so small within the box that no tilt moves the hair out of it.
_SCALE = 0.55
_ATTEMPTS = 200
# How much of a face's side the picture keeps free on each side of its middle, and so how wide a face may be in it.
_ROOM = 0.52
_WIDEST = 0.96


@dataclass(frozen=True)
class SceneFace:
    """A face of a scene. ``box`` are pixels, as high as wide; ``tilt`` are degrees, clockwise."""

    box: Box
    expression: str
    tilt: float

    @property
    def height(self) -> float:
        """Pixels."""
        return self.box[3] - self.box[1]


@dataclass(frozen=True)
class Scene:
    """A picture (RGB) and its faces."""

    image: Image.Image
    faces: tuple[SceneFace, ...]

    def jpeg(self, quality: int = 40) -> bytes:
        """The picture as a JPEG file."""
        file = io.BytesIO()
        self.image.save(file, "JPEG", quality=quality)
        return file.getvalue()


def draw_scene(
    *seed: int, size: tuple[int, int] | None = None, shares: tuple[float, ...] | None = None, tilted: bool = True
) -> Scene:
    """Draw the scene of a seed. ``shares`` gives each face's part of the height, instead of chance."""
    random = np.random.default_rng(seed)
    size = size or SIZES[random.integers(len(SIZES))]
    sides = [min(share * size[1], _WIDEST * size[0]) for share in (shares if shares is not None else _shares(random))]
    image = _place(random, size)
    faces: list[SceneFace] = []
    for side in sorted(sides, reverse=True):
        centre = _free_centre(random, size, side, faces)
        if centre is None:
            continue
        expression = str(random.choice(list(EXPRESSIONS)))
        tilt = random.uniform(-MAX_TILT, MAX_TILT) if tilted else 0.0
        _draw_person(random, image, expression, centre, side, tilt)
        faces.append(SceneFace(_square(centre, side), expression, tilt))
    blurred = image.filter(ImageFilter.GaussianBlur(random.uniform(0, size[1] / 700)))
    return Scene(lit(blurred, random), tuple(faces))


def draw_empty_scene(*seed: int, size: tuple[int, int] | None = None) -> Scene:
    """A scene without people."""
    return draw_scene(*seed, size=size, shares=())


def _shares(random: np.random.Generator) -> list[float]:
    """How much of the height each of one to six faces takes; small ones are as likely as large ones."""
    count = int(random.integers(1, 7))
    most = MOST if count == 1 else MOST / 2 if count < 4 else MOST / 3
    return [math.exp(random.uniform(math.log(LEAST), math.log(most))) for _ in range(count)]


def _square(centre: tuple[float, float], side: float) -> Box:
    x, y = centre
    return x - side / 2, y - side / 2, x + side / 2, y + side / 2


def _free_centre(
    random: np.random.Generator, size: tuple[int, int], side: float, faces: list[SceneFace]
) -> tuple[float, float] | None:
    """Where a face fits into the picture without hiding another; None where there is no room."""
    for _ in range(_ATTEMPTS):
        x, y = (random.uniform(side * _ROOM, length - side * _ROOM) for length in size)
        if all(_are_apart((x, y), side, face) for face in faces):
            return x, y
    return None


def _are_apart(centre: tuple[float, float], side: float, other: SceneFace) -> bool:
    """Whether neither hides the other: heads with their hair, and the body below the one drawn later."""
    x, y = (other.box[0] + other.box[2]) / 2, (other.box[1] + other.box[3]) / 2
    reach = 0.85 * (side + other.height)
    beside = abs(centre[0] - x) > reach
    above_body = centre[1] - side > y + 0.7 * other.height
    return beside or above_body


def _place(random: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """A wall in a colour that changes across it, with things on it."""
    corners = np.array([_rgb(str(random.choice(BACKDROPS))) for _ in range(4)], np.uint8).reshape(2, 2, 3)
    image = Image.fromarray(corners).resize(size, Image.Resampling.BICUBIC)
    pencil = ImageDraw.Draw(image)
    for _ in range(random.integers(4, 14)):
        x, y = random.uniform(0, size[0]), random.uniform(0, size[1])
        width, height = random.uniform(0.03, 0.3, 2) * size[1]
        colour = str(random.choice([*BACKDROPS, *HAIR_COLOURS, *SHIRTS]))
        shape = pencil.ellipse if random.random() < 0.3 else pencil.rectangle
        shape((x, y, x + width, y + height), fill=colour)
    return image


def _rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour.removeprefix("#")))


def _draw_person(
    random: np.random.Generator,
    image: Image.Image,
    expression: str,
    centre: tuple[float, float],
    side: float,
    tilt: float,
) -> None:
    """Draw a person over ``image`` with the face about ``centre``, ``side`` pixels high."""
    mirror = random.choice([-1, 1])
    x, y = _CENTRE
    person = f"translate({x} {x}) rotate({tilt:.2f}) scale({mirror * _SCALE} {_SCALE}) translate({-x} {-y})"
    pose = replace(made_up_pose(random), person=person)
    look = replace(made_up_look(random), backdrop="none")
    pixels = max(8, round(side * BOX / (_SIDE * _SCALE)))
    document = svg(EXPRESSIONS[expression], look, pose, gradients=False)
    data = resvg_py.svg_to_bytes(svg_string=document, width=pixels, height=pixels, skip_system_fonts=True)
    figure = Image.open(io.BytesIO(data)).convert("RGBA")
    image.paste(figure, (round(centre[0] - pixels / 2), round(centre[1] - pixels / 2)), figure)
