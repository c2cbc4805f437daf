"""Files that break their format's rules where Pillow does not mind: its pixels, or a refusal."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from face_image import read_face

from tests.handlers.pictures import encode, picture, png_chunk, reference, refusal

_NO_CHUNK = struct.pack(">I", 4) + b"\x90\x91 \x92" + bytes(8)
_ENDLESS_CHUNK = struct.pack(">I", 2**31) + b"teXt"


def png_parts() -> tuple[bytes, bytes, bytes]:
    """A PNG's signature and header, its pixels, its end."""
    data = encode(picture())
    (length,) = struct.unpack_from(">I", data, 33)
    return data[:33], data[41 : 41 + length], data[-12:]


@pytest.mark.parametrize(
    "rest",
    [
        _NO_CHUNK,
        _NO_CHUNK + _ENDLESS_CHUNK,
        _NO_CHUNK[:10],
        b"\0\0\0\1tEX",
        png_chunk(b"teXt", b"abc")[:-1],
        png_chunk(b"teXt", b"abc")[:-4],
    ],
)
def test_nothing_counts_in_a_png_from_where_its_chunks_end(rest: bytes) -> None:
    head, pixels, end = png_parts()
    data = head + png_chunk(b"IDAT", pixels) + rest
    assert np.array_equal(read_face(data), reference(encode(picture())))
    assert np.array_equal(read_face(data + end), reference(data + end))


def test_a_png_that_ends_inside_a_text_behind_its_pixels_is_damaged() -> None:
    head, pixels, _ = png_parts()
    assert refusal(head + png_chunk(b"IDAT", pixels) + png_chunk(b"teXt", b"abc")[:-5])[:2] == ("damaged", 400)


@pytest.mark.parametrize("between", [_NO_CHUNK, _ENDLESS_CHUNK])
def test_a_png_whose_chunks_end_before_its_pixels_do_is_damaged(between: bytes) -> None:
    head, pixels, end = png_parts()
    first, second = png_chunk(b"IDAT", pixels[:500]), png_chunk(b"IDAT", pixels[500:])
    assert np.array_equal(read_face(head + first + second + end), reference(encode(picture())))
    assert refusal(head + first + between + second + end)[:2] == ("damaged", 400)
    assert refusal(head + between + first + second + end)[:2] == ("damaged", 400)


@pytest.mark.parametrize("size", [(64, 48), (48, 64), (60_000, 60_000)])
def test_a_png_of_two_headers_is_damaged(size: tuple[int, int]) -> None:
    """Pillow decodes it as the last one says, behind which nobody would look for what it takes."""
    head, pixels, end = png_parts()
    other = png_chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0))
    assert refusal(head + other + png_chunk(b"IDAT", pixels) + end)[:2] == ("damaged", 400)


@pytest.mark.parametrize("length", [b"\0\0", b"\0\1"])
@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xEF, 0xFE, 0xDB, 0xC4, 0xC0, 0xDD, 0xDA])
def test_a_segment_of_a_jpeg_that_is_too_short_is_damaged_where_the_pixels_need_it(marker: int, length: bytes) -> None:
    data = encode(picture(), "JPEG")
    changed = data[:2] + bytes((0xFF, marker)) + length + data[2:]
    if marker >= 0xE0:
        assert np.array_equal(read_face(changed), reference(data))
    else:
        assert refusal(changed)[:2] == ("damaged", 400)
        with pytest.raises((OSError, SyntaxError, IndexError, struct.error)):
            reference(changed)


@pytest.mark.parametrize(
    "extension",
    [
        b"!\0\0" + b"\1,\0",
        b"!\xf9\0" + b"\1,\0",
        b"!\xff\0" + b"\1,\0",
        b"!\xff\x0bNETSCAPE2.0\0" + b"\1,\0",
        b"!\xff\x0bNETSCAPE2.0\3\1\0\0\0",
        b"!\xff\x0bNETSCAPE1.0\0",
        b"!\xff\x0aNETSCAPE2.\0",
        b"!\xfe\0",
        b"!\xfe\2ab\0",
    ],
)
def test_an_extension_of_a_gif_ends_where_it_does_for_pillow(extension: bytes) -> None:
    """Pillow passes over another row of blocks behind an extension that has none, here over one of a comma."""
    data = encode(picture(), "GIF")
    start = 13 + (3 << (data[10] & 7) + 1)
    changed = data[:start] + extension + data[start:]
    assert np.array_equal(read_face(changed), reference(changed))
    assert np.array_equal(read_face(changed), read_face(data))
