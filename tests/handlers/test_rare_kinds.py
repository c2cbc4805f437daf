"""Whole files of accepted formats, of kinds that hardly anybody writes: read, or refused for what they are."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from face_image import read_face

from tests.handlers.pictures import encode, picture, png_chunk, reference, refusal, with_chunk
from tests.support.crafted import jpeg_segment

JPEG = encode(picture(), "JPEG")
GREY = np.asarray(picture(40, 30, "L"))
LOSSLESS, LS = 0xC3, 0xF7


def frame(marker: int, bits: int = 8, channels: int = 3, height: int = 48) -> bytes:
    """The photo with another frame's header."""
    start = JPEG.index(b"\xff\xc0")
    components = b"".join(bytes((number + 1, 0x11, 0)) for number in range(channels))
    header = struct.pack(">BHHB", bits, height, 64, channels) + components
    return JPEG[:start] + jpeg_segment(marker, header) + JPEG[start + 19 :]


def lossless(grey: npt.NDArray[np.uint8]) -> bytes:
    """A JPEG without loss: each sample is coded as its difference from the one to the left."""
    before = np.roll(grey.astype(int), 1, axis=1)
    before[1:, 0], before[0, 0] = grey[:-1, 0], 128
    bits = ""
    for difference in (grey - before).ravel().tolist():
        size = abs(difference).bit_length()
        value = difference if difference > 0 else difference + (1 << size) - 1
        bits += f"{size:05b}" + (f"{value:0{size}b}" if size else "")
    bits += "1" * (-len(bits) % 8)
    data = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    header = struct.pack(">BHHB", 8, *grey.shape, 1) + bytes((1, 0x11, 0))
    codes = bytes((0, 0, 0, 0, 0, 16, *[0] * 11, *range(16)))  # sixteen of five bits
    segments = [jpeg_segment(LOSSLESS, header), jpeg_segment(0xC4, codes), jpeg_segment(0xDA, b"\1\1\0\1\0\0")]
    return b"\xff\xd8" + b"".join(segments) + data + b"\xff\xd9"


def without_tables() -> bytes:
    """The photo without its Huffman tables, as the frames of a webcam's Motion JPEG come."""
    data, start = JPEG, 0
    while (start := data.find(b"\xff\xc4")) != -1:
        data = data[:start] + data[start + 2 + int.from_bytes(data[start + 2 : start + 4], "big") :]
    return data


def bitmap(bits: int, compression: int = 0, masks: tuple[int, ...] = ()) -> bytes:
    header = struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, bits, compression, 0, 0, 0, 0, 0)
    body = header + struct.pack(f"<{len(masks)}I", *masks)
    return b"BM" + struct.pack("<IHHI", 0, 0, 0, 14 + len(body)) + body + bytes(8 * 8 * 8)


def apples() -> bytes:
    """The form of PNG that Xcode makes: raw deflate, blue first, behind a chunk of its own."""
    png = encode(picture())
    return png[:8] + png_chunk(b"CgBI", b"\x50\0\x20\x02") + png[8:]


READ = {
    "lossless JPEG": lossless(GREY),
    "JPEG with arithmetic codes": frame(0xC9),
    "extended JPEG": frame(0xC1),
    "JPEG without Huffman tables": without_tables(),
    "BMP of 16 bits": bitmap(16),
    "BMP of 16 bits, by masks": bitmap(16, 3, (0xF800, 0x7E0, 0x1F)),
}
REFUSED = {
    "JPEG of 12 bits": (frame(0xC1, bits=12), "JPEG image of 12 bits per sample"),
    "lossless JPEG of 16 bits": (frame(LOSSLESS, bits=16, channels=1), "JPEG image of 16 bits per sample"),
    "JPEG-LS": (frame(LS), "JPEG-LS image"),
    "hierarchical JPEG": (frame(0xC5), "hierarchical JPEG image"),
    "lossless JPEG with arithmetic codes": (frame(0xCB), "lossless JPEG image with arithmetic codes"),
    "JPEG of 2 channels": (frame(0xC0, channels=2), "JPEG image of 2 channels"),
    "JPEG with its height behind the scan": (
        frame(0xC0, height=0)[:-2] + b"\xff\xdc\0\4\0\x30\xff\xd9",
        "JPEG image whose height is not in its header (DNL)",
    ),
    "CgBI": (apples(), "PNG in Apple's own form (CgBI), as in apps for iPhones"),
    "BMP of 64 bits": (bitmap(64), "BMP image of 64 bits per pixel"),
    "BMP of 2 bits": (bitmap(2), "BMP image of 2 bits per pixel"),
    "BMP around a JPEG": (bitmap(0, 4), "BMP image that wraps a JPEG image"),
    "BMP around a PNG": (bitmap(0, 5), "BMP image that wraps a PNG image"),
    "BMP of four inks": (bitmap(32, 11), "BMP image of four inks (CMYK)"),
    "BMP of Windows CE": (bitmap(32, 6, (1, 2, 4, 8)), "BMP image of Windows CE"),
    "BMP of other masks": (bitmap(32, 3, (0x3FF00000, 0xFFC00, 0x3FF)), "BMP image of a rare kind"),
}


@pytest.mark.parametrize("data", READ.values(), ids=READ.keys())
def test_a_rare_kind_that_pillow_reads_is_read(data: bytes) -> None:
    assert np.array_equal(read_face(data), reference(data))


def test_a_lossless_jpeg_has_the_pixels_that_went_in() -> None:
    exact = encode(picture(40, 30, "L"))
    assert np.array_equal(read_face(lossless(GREY)), read_face(exact))


@pytest.mark.parametrize(("data", "what"), REFUSED.values(), ids=REFUSED.keys())
def test_a_rare_kind_that_nobody_reads_is_named(data: bytes, what: str) -> None:
    kind, status, message = refusal(data)
    assert (kind, status) == ("unsupported", 415)
    assert message.startswith(f"The file is a {what}, which is not accepted; save it as a")


def test_a_frame_that_does_not_fit_its_segment_is_damaged() -> None:
    data = bytearray(frame(0xC1, bits=12))
    data[data.index(b"\xff\xc1") + 9] = 200
    assert refusal(bytes(data))[:2] == ("damaged", 400)


@pytest.mark.parametrize("name", [b"tEXt", b"pHYs", b"gAMA", b"iCCP", b"eXIf", b"tIME"])
def test_a_wrong_checksum_of_what_the_pixels_do_not_need_changes_nothing(name: bytes) -> None:
    png = encode(picture())
    data = bytearray(with_chunk(png, name, b"\1\2\3\4"))
    data[33 + 8 + 4] ^= 0xFF
    assert np.array_equal(read_face(bytes(data)), reference(png))


@pytest.mark.parametrize(("mode", "name"), [("RGB", b"IHDR"), ("P", b"PLTE")])
def test_a_wrong_checksum_of_what_the_pixels_need_is_named(mode: str, name: bytes) -> None:
    data = bytearray(encode(picture(mode=mode)))
    start = data.index(name)
    end = start + 4 + int.from_bytes(data[start - 4 : start], "big")
    assert zlib.crc32(data[start:end]) == int.from_bytes(data[end : end + 4], "big")
    data[end] ^= 0xFF
    message = f"The PNG image is damaged: its chunk {name.decode()} has a wrong checksum; save it again."
    assert refusal(bytes(data)) == ("damaged", 400, message)


def test_the_checksum_of_the_pixels_is_their_own() -> None:
    """That of zlib counts, as for Pillow; the chunk's does not."""
    png = encode(picture())
    data = bytearray(png)
    end = data.index(b"IEND") - 8
    data[end] ^= 0xFF
    assert np.array_equal(read_face(bytes(data)), reference(png))
