"""Fast preprocessing: nearly the bytes of training, for every kind of picture."""

from __future__ import annotations

import importlib.util
import io
from typing import Any

import image_fast
import numpy as np
import pytest
from face_image import ImageError, read_face
from PIL import Image

from tests.handlers.exif import ORIENTATION, picture, reference
from tests.support import crafted


def distance(data: bytes, **options: Any) -> int:
    """How far a byte is from training's at most."""
    return int(np.abs(read_face(data, fast=True, **options).astype(int) - reference(data).astype(int)).max())


@pytest.mark.parametrize("size", [(640, 480), (48, 48), (224, 224), (1, 1), (9000, 3), (3, 9000), (225, 1500)])
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "LA", "P", "RGBA", "I;16"])
def test_a_byte_differs_by_one_at_most(mode: str, size: tuple[int, int]) -> None:
    assert distance(crafted.encode(picture(size, mode), "PNG")) <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_always(orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    assert distance(crafted.encode(picture((640, 300)), "JPEG", exif=exif)) <= 2


def test_it_is_another_way_than_training_s() -> None:
    data = crafted.encode(picture((640, 480)), "PNG")
    assert distance(data) == 1
    assert np.array_equal(read_face(data), reference(data))


def test_a_large_photo_is_decoded_at_a_reduced_size_first() -> None:
    data = crafted.encode(picture((2400, 1800)), "JPEG", quality=90)
    photo = Image.open(io.BytesIO(data))
    photo.draft(None, (448, 448))
    assert photo.size == (600, 450)
    expected = np.asarray(photo.resize((224, 224), Image.Resampling.BILINEAR))
    assert np.abs(read_face(data, fast=True, reduced=True).astype(int) - expected.astype(int)).max() <= 1


def test_a_damaged_picture_is_told_as_always() -> None:
    data = crafted.encode(picture((640, 480)), "JPEG")
    told = []
    for fast in (False, True):
        with pytest.raises(ImageError) as caught:
            read_face(data[:5000], fast=fast)
        told.append((caught.value.status, str(caught.value)))
    assert told[0] == told[1]


def test_a_missing_library_is_told_when_the_archive_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    image_fast.require()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ValueError, match=r"install requirements\.txt, or build it again with PREPROCESSING=exact"):
        image_fast.require()
