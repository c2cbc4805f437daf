"""Image bytes to arrays: equality with torchvision, formats, modes, limits, damage."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from face_image import read_face
from PIL import Image, ImageOps, PngImagePlugin
from torchvision import transforms

from tests.handlers.pictures import (
    FORMATS,
    encode,
    picture,
    png_chunk,
    reference,
    with_chunk,
    with_orientation,
)


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_gives_exactly_torchvisions_pixels(image_format: str) -> None:
    data = encode(picture(640, 480), image_format)
    face = read_face(data)
    assert face.shape == (224, 224, 3)
    assert face.dtype == np.uint8
    assert np.array_equal(face, reference(data))


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 900), (900, 1), (48, 48), (224, 224), (223, 401), (3, 2000), (4000, 3000)]
)
def test_every_size_gives_exactly_torchvisions_pixels(size: tuple[int, int]) -> None:
    data = encode(picture(*size), "BMP")
    assert np.array_equal(read_face(data), reference(data))


@pytest.mark.parametrize("size", [(64, 48), (640, 480), (481, 639), (1, 700), (700, 1), (3, 900), (900, 3), (957, 2)])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_the_small_image_equals_turning_the_large_one(orientation: int, size: tuple[int, int]) -> None:
    data = with_orientation(picture(*size), orientation)
    assert np.array_equal(read_face(data), reference(data))


@pytest.mark.parametrize("size", [(640, 480), (481, 639), (333, 301), (60_001, 2), (2, 60_001)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_a_helper_changes_no_pixel(orientation: int, mode: str, size: tuple[int, int]) -> None:
    data = with_orientation(picture(*size, mode), orientation)
    with ThreadPoolExecutor(1) as helper:
        assert np.array_equal(read_face(data, helper=helper), reference(data))


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((4000, 3000), (1000, 750)), ((896, 896), (448, 448)), ((895, 3000), None), ((640, 480), None)],
)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_jpeg_can_be_decoded_at_a_reduced_size(
    orientation: int, size: tuple[int, int], decoded: tuple[int, int] | None
) -> None:
    data = with_orientation(picture(*size), orientation)
    image = Image.open(io.BytesIO(data))
    if decoded:
        image.draft(None, decoded)
        assert image.size == decoded
    expected = transforms.Resize((224, 224))(ImageOps.exif_transpose(image))
    assert np.array_equal(read_face(data, reduced=True), np.asarray(expected))
    assert np.array_equal(read_face(data, reduced=True), reference(data)) == (decoded is None)


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "BMP", "GIF"])
def test_other_formats_are_never_reduced(image_format: str) -> None:
    data = encode(picture(1000, 1000), image_format)
    assert np.array_equal(read_face(data, reduced=True), reference(data))


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_the_orientation_counts_in_other_formats_too(image_format: str) -> None:
    data = with_orientation(picture(), 6, image_format)
    assert np.array_equal(read_face(data), reference(data))
    assert not np.array_equal(read_face(data), read_face(encode(picture(), image_format)))


@pytest.mark.parametrize(
    ("mode", "image_format"),
    [
        ("1", "PNG"),
        ("L", "PNG"),
        ("L", "JPEG"),
        ("LA", "PNG"),
        ("P", "PNG"),
        ("P", "GIF"),
        ("L", "GIF"),
        ("RGBA", "PNG"),
        ("RGBA", "WEBP"),
        ("CMYK", "JPEG"),
        ("1", "BMP"),
        ("L", "BMP"),
        ("RGBA", "BMP"),
    ],
)
def test_every_mode_equals_pillows_conversion(mode: str, image_format: str) -> None:
    data = encode(picture(100, 80, mode), image_format)
    assert np.array_equal(read_face(data), reference(data))


def test_alpha_is_dropped_and_not_blended() -> None:
    image = picture(mode="RGBA")
    image.putalpha(0)
    assert np.array_equal(read_face(encode(image)), read_face(encode(image.convert("RGB"))))


def test_a_palette_with_transparent_entries_keeps_its_colours() -> None:
    image = picture().quantize(16)
    data = encode(image, transparency=bytes([0, 128] * 8))
    assert np.array_equal(read_face(data), read_face(encode(image.convert("RGB"))))


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_an_animation_is_its_first_frame(image_format: str) -> None:
    frames = [picture(seed=seed) for seed in range(3)]
    data = encode(frames[0], image_format, save_all=True, append_images=frames[1:], duration=50)
    assert np.array_equal(read_face(data), reference(data))
    assert np.abs(read_face(data).astype(int) - read_face(encode(frames[2], image_format))).max() > 50


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    deep = np.linspace(0, 65535, 224 * 224).astype(np.uint16).reshape(224, 224)
    face = read_face(encode(Image.fromarray(deep)))
    assert np.array_equal(face, np.repeat(np.round(deep / 257).astype(np.uint8)[..., None], 3, axis=2))


def test_sixteen_bit_colours_keep_their_range() -> None:
    flat = np.full((8, 8, 3), 0x8000, ">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in flat)
    header = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(rows))
        + png_chunk(b"IEND", b"")
    )
    assert (read_face(data) == 128).all()


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0garbage that is no TIFF header",
        b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0",
        b"Exif\0\0II*\0\xff\xff\xff\x7f",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0",
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0abc\0\0\0\0\0",
    ],
)
def test_broken_exif_data_leaves_the_image_as_it_is(exif: bytes) -> None:
    assert np.array_equal(read_face(encode(picture(), "JPEG", exif=exif)), read_face(encode(picture(), "JPEG")))


@pytest.mark.parametrize("name", ["tEXt", "zTXt", "iTXt"])
def test_long_comments_do_not_matter(name: str) -> None:
    info = PngImagePlugin.PngInfo()
    if name == "iTXt":
        info.add_itxt("comment", "x" * 5_000_000, zip=True)
    else:
        info.add_text("comment", "x" * 5_000_000, zip=name == "zTXt")
    assert np.array_equal(read_face(encode(picture(), pnginfo=info)), read_face(encode(picture())))


def test_a_comment_that_unpacks_to_hundreds_of_megabytes_is_never_unpacked() -> None:
    bomb = zlib.compress(bytes(200_000_000), 1)
    data = with_chunk(encode(picture()), b"zTXt", b"comment\0\0" + bomb)
    assert np.array_equal(read_face(data), read_face(encode(picture())))


def test_a_jpeg_of_several_pictures_is_the_first_one() -> None:
    data = encode(picture(), "MPO", save_all=True, append_images=[picture(seed=1)])
    assert np.array_equal(read_face(data), reference(data))
