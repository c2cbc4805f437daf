"""The picture with boxes that ``scripts/predict --faces`` writes."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.client.boxes import COLOURS, draw_boxes, write_boxes
from scripts.client.service import Answer, PredictError

ORIENTATION = 0x0112


def picture(orientation: int = 1) -> bytes:
    """A grey picture of 300 by 200 pixels, as it is stored."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    Image.new("RGB", (300, 200), "grey").save(file, "PNG", exif=exif)
    return file.getvalue()


def face(x: int, y: int) -> Answer:
    """A face of 40 by 40 pixels."""
    box = {"x": x, "y": y, "width": 40, "height": 40}
    return Answer("a.png", "VGG19_CK+48", {"happy": 1.0}, 1.0, {"box": box, "top_emotion": "happy", "confidence": 1.0})


def test_each_face_has_a_frame_of_its_own_colour_in_the_upright_picture() -> None:
    drawn = draw_boxes(picture(6), [face(20, 30), face(120, 200)])
    assert drawn.size == (200, 300)
    colours = [tuple(bytes.fromhex(colour[1:])) for colour in COLOURS]
    assert (drawn.getpixel((20, 50)), drawn.getpixel((120, 220))) == (colours[0], colours[1])
    assert drawn.getpixel((40, 50)) == (128, 128, 128)


def test_the_word_stays_within_the_picture() -> None:
    colour = tuple(bytes.fromhex(COLOURS[0][1:]))
    counts = []
    for x, y in (
        (20, 30),
        (20, 160),
        (260, 30),
        (260, 160),
    ):  # away from the edges, and in the corners of the last three
        drawn = draw_boxes(picture(), [face(x, y)])
        counts.append(int((np.asarray(drawn) == colour).all(axis=2).sum()))
    assert min(counts) > 0.6 * counts[0], "pixels of frame and word; a third without the word"


def test_it_is_written_beside_the_picture(tmp_path: Path) -> None:
    file = write_boxes(tmp_path / "party.jpg", picture(), [face(20, 30)], "VGG19_CK+48")
    assert file == tmp_path / "party-VGG19_CK+48-faces.png"
    with Image.open(file) as drawn:
        assert drawn.size == (300, 200)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(PredictError, match=r"party-VGG19_CK\+48-faces.png cannot be written \(No such file"):
        write_boxes(tmp_path / "none" / "party.jpg", picture(), [face(20, 30)], "VGG19_CK+48")
