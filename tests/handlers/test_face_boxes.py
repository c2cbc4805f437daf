"""What the numbers of the detector mean, and how a picture is cut without turning the whole of it."""

from __future__ import annotations

import numpy as np
import pytest
from face_boxes import MAX_CANDIDATES, Face, anchors, decode, merge
from face_crop import MIN_TILT, crop, tilt
from PIL import Image, ImageOps
from upright_picture import MAX_WORKING_PIXELS, UprightPicture

from scripts.probes import seeded_image
from tests.handlers.exif import ORIENTATION

POINTS = ((40.0, 40.0), (60.0, 40.0), (50.0, 50.0), (50.0, 60.0), (35.0, 42.0), (65.0, 42.0))


def face(box: tuple[float, float, float, float], points: tuple[tuple[float, float], ...] = POINTS) -> Face:
    return Face(box, 0.9, points)


def test_anchors_lie_in_the_middle_of_their_cells_row_by_row() -> None:
    assert anchors(12, 8).tolist() == [[2, 2], [6, 2], [10, 2], [2, 6], [6, 6], [10, 6]]


def test_a_box_is_decoded_relative_to_its_anchor() -> None:
    regressors = np.zeros((3, 16), np.float32)
    regressors[1] = [1, -1, 8, 6, *range(12)]
    points, scores = decode(regressors, np.array([-9, 3, -200], np.float32), anchors(12, 4), 0.5)
    assert points[0, :2].tolist() == [[3, -2], [11, 4]]
    assert points[0, 2].tolist() == [6, 3]
    assert scores.tolist() == pytest.approx([1 / (1 + np.exp(-3))])


def test_empty_and_endless_boxes_are_dropped_and_the_work_is_bounded() -> None:
    regressors = np.full((4000, 16), 5, np.float32)
    regressors[0, 2], regressors[1, 3], regressors[2, 0] = 0, -1, np.inf
    points, _ = decode(regressors, np.full(4000, 9, np.float32), np.zeros((4000, 2), np.float32), 0.0)
    assert len(points) == MAX_CANDIDATES - 3


@pytest.mark.parametrize(
    ("min_score", "found"),
    [(0.0, [0, 1, 2, 4]), (1e-300, [0, 1, 2, 4]), (0.27, [1, 2, 4]), (0.95, [2, 4]), (1 - 1e-9, [4]), (1.0, [4])],
)
def test_anchors_below_the_least_score_are_left_out(min_score: float, found: list[int]) -> None:
    """Raw scores of 0.269, 0.5 and 0.953, one that is no score at all, and one that float32 rounds to 1."""
    regressors = np.ones((5, 16), np.float32) * np.arange(1, 6, dtype=np.float32)[:, None]
    raw_scores = np.array([-1, 0, 3, -200, 17], np.float32)
    points, scores = decode(regressors, raw_scores, np.zeros((5, 2), np.float32), min_score)
    assert points[:, 2, 0].tolist() == [index + 1 for index in found]
    assert scores.tolist() == pytest.approx([(0.2689, 0.5, 0.9526, 0, 1)[index] for index in found], abs=1e-4)
    assert scores.dtype == np.float32


def test_overlapping_candidates_become_one_face_by_their_scores() -> None:
    points = np.zeros((3, 8, 2), np.float32)
    points[0, :2], points[1, :2], points[2, :2] = [[0, 0], [10, 10]], [[0, 3], [10, 13]], [[50, 50], [60, 60]]
    first, second = merge(points, np.array([0.6, 0.9, 0.7], np.float32))
    assert first.box == pytest.approx((0, 1.8, 10, 11.8))
    assert first.score == pytest.approx(0.9)
    assert second.box == (50, 50, 60, 60)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_cut_of_a_turned_picture_is_that_of_the_upright_one(orientation: int) -> None:
    image = seeded_image(3, (90, 60)).convert("RGB")
    image.getexif()[ORIENTATION] = orientation
    upright, picture, box = ImageOps.exif_transpose(image), UprightPicture(image, orientation), (10.0, 5.0, 40.0, 45.0)
    assert picture.size == upright.size
    expected = np.asarray(upright.resize((20, 30), Image.Resampling.BILINEAR, box)).astype(int)
    assert np.abs(np.asarray(picture.cut(box, (20, 30))) - expected).max() <= 1


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I", "1"])
def test_pictures_of_every_mode_are_cut_as_colours(mode: str) -> None:
    colours = Image.new("RGB", (40, 20), "white")
    colours.paste("black", (20, 0, 40, 20))
    image = (
        Image.fromarray(np.asarray(colours.convert("L")).astype(np.int32) * 257)
        if mode == "I"
        else colours.convert(mode)
    )
    part = UprightPicture(image).cut((5.0, 0.0, 35.0, 20.0), (30, 20))
    assert part.mode == "RGB"
    assert (part.getpixel((3, 10)), part.getpixel((26, 10))) == ((255, 255, 255), (0, 0, 0))


def test_a_large_picture_that_must_be_converted_is_held_smaller() -> None:
    image = Image.new("CMYK", (5000, 3001), (0, 255, 255, 0))
    image.paste((255, 0, 255, 0), (2500, 0, 5000, 3001))
    picture = UprightPicture(image, 6)
    assert picture.size == (3001, 5000)
    assert picture._image.width * picture._image.height <= MAX_WORKING_PIXELS
    top, bottom = (picture.cut((0.0, y, 3001.0, y + 2400.0), (4, 4)).getpixel((1, 1)) for y in (0.0, 2600.0))
    assert (top, bottom) == ((255, 0, 0), (0, 255, 0))


def test_a_crop_has_its_margin_and_repeats_the_edge() -> None:
    image = Image.new("RGB", (100, 100), "blue")
    image.paste("red", (40, 40, 60, 60))
    assert (crop(UprightPicture(image), face((40, 40, 60, 60)), 0.0)[12:-12, 12:-12] == (255, 0, 0)).all()
    loose = crop(UprightPicture(image), face((40, 40, 60, 60)), 0.5)
    assert loose[112, 112].tolist() == [255, 0, 0]
    assert loose[20, 20].tolist() == [0, 0, 255]
    outside = crop(UprightPicture(image), face((-30, 80, 10, 120)), 0.3)
    assert (outside == (0, 0, 255)).all()


@pytest.mark.parametrize("degrees", [-40.0, -15.0, 15.0, 40.0])
def test_a_tilted_head_is_turned_upright_unless_that_is_off(degrees: float) -> None:
    image = Image.new("RGB", (200, 200), "black")
    image.paste("white", (0, 0, 200, 100))
    turned = image.rotate(-degrees, Image.Resampling.BICUBIC)  # clockwise, as the eyes' line falls
    x, y = 20 * np.cos(np.radians(degrees)), 20 * np.sin(np.radians(degrees))
    eyes = ((100 - x, 100 - y), (100 + x, 100 + y), *POINTS[2:])
    given = face((70, 70, 130, 130), eyes)
    assert tilt(given) == pytest.approx(degrees)
    upright = crop(UprightPicture(turned), given, 0.0)
    assert upright[:100].mean() > 250
    assert upright[124:].mean() < 5
    assert crop(UprightPicture(turned), given, 0.0, turn=False)[:105].mean() < 250


def test_a_small_tilt_is_left_alone() -> None:
    eyes = ((0.0, 0.0), (100.0, 100 * np.tan(np.radians(MIN_TILT - 1))), *POINTS[2:])
    assert tilt(face((0, 0, 1, 1), eyes)) == 0
