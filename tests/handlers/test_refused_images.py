"""Image bytes to arrays: what is refused, with which words."""

from __future__ import annotations

import struct

import pytest
from face_image import read_face
from PIL import Image

from tests.handlers.pictures import (
    ACCEPTED,
    FORMATS,
    encode,
    picture,
    png_chunk,
    refusal,
)


def test_no_bytes_are_no_image() -> None:
    assert refusal(b"") == ("empty", 400, f"The image is empty (0 bytes); {ACCEPTED}")


@pytest.mark.parametrize("image_format", FORMATS)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.95])
def test_a_truncated_image_is_refused(image_format: str, kept: float) -> None:
    whole = encode(picture(), image_format)
    part = whole[: int(len(whole) * kept)]
    assert refusal(part) == (
        "damaged",
        400,
        f"The {image_format} image ({len(part)} bytes) is damaged or truncated; send the complete file.",
    )


@pytest.mark.parametrize("image_format", FORMATS)
def test_an_image_whose_inside_is_overwritten_is_refused(image_format: str) -> None:
    data = bytearray(encode(picture(), image_format))
    data[20:] = b"\xab" * (len(data) - 20)
    kind, status, _ = refusal(bytes(data))
    assert (kind, status) in {("damaged", 400), ("too_large", 413), ("unsupported", 415)}


@pytest.mark.parametrize("image_format", ["TIFF", "ICO", "PPM", "TGA", "JPEG2000"])
def test_formats_that_pillow_could_read_are_refused_all_the_same(image_format: str) -> None:
    assert refusal(encode(picture(), image_format))[:2] == ("unsupported", 415)


@pytest.mark.parametrize("image_format", FORMATS)
def test_an_image_over_the_pixel_limit_is_refused(image_format: str) -> None:
    data = encode(picture(100, 80), image_format)
    assert read_face(data, max_pixels=8000).shape == (224, 224, 3)
    assert refusal(data, max_pixels=7999) == (
        "too_large",
        413,
        "The image has 100 x 80 = 8000 pixels, the limit is 7999; send a smaller image.",
    )


def test_the_pixel_limit_is_checked_before_anything_is_decoded() -> None:
    header = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"no image")
    assert refusal(data) == (
        "too_large",
        413,
        "The image has 200000 x 200000 = 40000000000 pixels, the limit is 50000000; send a smaller image.",
    )


def test_a_very_long_image_within_the_limit_is_read() -> None:
    data = encode(Image.new("L", (1, 2_000_000), 77))
    assert (read_face(data) == 77).all()
