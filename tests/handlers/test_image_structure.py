"""Reading a file's structure gives what Pillow gives: the same orientation, the same pixels, or one kind of error."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator

import pytest
from face_image import _EXAMINE, _format
from image_exif import read_orientation
from PIL import Image, PngImagePlugin

from tests.handlers.exif import LONG, ORIENTATION, SHORT, tiff
from tests.support import crafted

XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {}/></x:xmpmeta>'


def pillows_orientation(data: bytes) -> int:
    """What Pillow's ``getexif`` says, 1 for what is no orientation."""
    image = Image.open(io.BytesIO(data))
    image.load()
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:
        return 1
    return int(value) if value in range(1, 9) else 1


def files_with(exif: bytes) -> Iterator[bytes]:
    yield b"\xff\xd8" + crafted.jpeg_segment(0xE1, b"Exif\0\0" + exif) + crafted.plain("JPEG")[2:]
    middle = len(exif) // 2
    parts = b"".join(crafted.jpeg_segment(0xE1, b"Exif\0\0" + part) for part in (exif[:middle], exif[middle:]))
    yield b"\xff\xd8" + parts + crafted.plain("JPEG")[2:]
    yield crafted.png_with(crafted.png_chunk(b"eXIf", exif))
    yield crafted.plain("WEBP", exif=exif)
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
    for packed in (False, True):
        info = PngImagePlugin.PngInfo()
        info.add_text("Raw profile type exif", text, zip=packed)
        yield crafted.plain("PNG", pnginfo=info)


def our_orientation(data: bytes) -> int:
    return _EXAMINE[_format(data)](data).orientation


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [SHORT, LONG])
@pytest.mark.parametrize("value", [None, 0, 1, 2, 3, 6, 8, 9, 255])
def test_the_orientation_is_that_of_pillow(value: int | None, kind: int, order: str) -> None:
    make = (271, 2, 4, b"abc\0")
    entries = [make, (274, 3, 1, b"")] if value is None else [make]
    if value is not None:
        entries.append((ORIENTATION, kind, 1, struct.pack(order + "HL"[kind - SHORT], value)))
    else:
        entries.pop()
    for data in files_with(tiff(order, *entries, (282, 3, 1, b"\1\0"))):
        assert our_orientation(data) == pillows_orientation(data) == (value if value in range(1, 9) else 1)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize(
    ("attribute", "expected"),
    [
        ('tiff:Orientation="6"', 6),
        ('tiff:Orientation="1"', 1),
        ('tiff:Orientation="9"', 1),
        ("><tiff:Orientation>8</tiff:Orientation>", 8),
        ("tiff:Orientation='6'", 1),
        ("", 1),
    ],
)
@pytest.mark.parametrize("exif", [b"", tiff("<", (271, 2, 4, b"abc\0")), tiff(">", (ORIENTATION, SHORT, 1, b"\0\3"))])
def test_xmp_has_the_orientation_that_exif_does_not_have(attribute: str, expected: int, exif: bytes) -> None:
    text = XMP.format(attribute).encode()
    segment = crafted.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text)
    jpeg = b"\xff\xd8" + (crafted.jpeg_segment(0xE1, b"Exif\0\0" + exif) if exif else b"") + segment
    files = [jpeg + crafted.plain("JPEG")[2:], crafted.plain("WEBP", xmp=text, exif=exif)]
    for packed in (b"\0\0", b"\1\0"):
        body = zlib.compress(text) if packed[0] else text
        chunk = crafted.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + packed + b"\0\0" + body)
        files.append(crafted.png_with(*([crafted.png_chunk(b"eXIf", exif)] if exif else []), chunk))
    for data in files:
        assert our_orientation(data) == pillows_orientation(data) == (3 if b"MM" in exif else expected)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (b"\1\0\0\0" + zlib.compress(b'tiff:Orientation="3"'), 3),
        (b"\2\0\0\0" + zlib.compress(b'tiff:Orientation="3"'), 3),
        (b"\1\1\0\0" + zlib.compress(b'tiff:Orientation="3"'), 6),
        (b"\1\0\0\0no stream of zlib", 6),
        (b"\0\0\0" + b'tiff:Orientation="3"', 6),
        (b"\0\1\0\0" + b'tiff:Orientation="3"', 3),
        (b"\0", 6),
    ],
)
def test_a_text_that_pillow_does_not_read_leaves_the_one_before_it(other: bytes, expected: int) -> None:
    bodies = b"\0\0\0\0" + b'tiff:Orientation="6"', other
    data = crafted.png_with(*(crafted.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + body) for body in bodies))
    assert our_orientation(data) == pillows_orientation(data) == expected


def test_a_packed_text_counts_though_it_is_broken_behind_what_is_unpacked_of_it() -> None:
    """Pillow unpacks it to its end, and takes none of it."""
    packed = zlib.compress(b'tiff:Orientation="6"' + bytes(1 << 18))
    for checksum, pillows in ((packed[-4:], 6), (bytes(4), 1)):
        body = b"XML:com.adobe.xmp\0\1\0\0\0" + packed[:-4] + checksum
        data = crafted.png_with(crafted.png_chunk(b"iTXt", body))
        assert (our_orientation(data), pillows_orientation(data)) == (6, pillows)


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_broken_exif_data_has_the_orientation_that_pillow_finds() -> None:
    rng = random.Random(1)
    whole = [
        tiff(order, (271, 2, 4, b"abc\0"), (ORIENTATION, SHORT, 1, struct.pack(order + "H", 6)), (305, 2, 9, b"\x3e"))
        for order in "<>"
    ]
    found = set()
    for _ in range(3000):
        data = bytearray(rng.choice(whole) + bytes(rng.choice((0, 30))))
        for _ in range(rng.randrange(1, 4)):
            data[rng.randrange(len(data))] = rng.choice((0, 1, 2, 3, 4, 12, 0x12, 43, 255, rng.randrange(256)))
        exif = bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        image = Image.new("RGB", (1, 1))
        image.info["exif"] = b"Exif\0\0" + exif
        try:
            value = image.getexif().get(ORIENTATION, 1)
        except Exception:
            value = 1
        expected = int(value) if value in range(1, 9) else 1
        assert read_orientation(exif) == expected, exif
        found.add(expected)
    assert {1, 6} <= found


@pytest.mark.parametrize("entries", [1000, 3000])
def test_a_directory_is_read_up_to_its_bound(entries: int) -> None:
    others = [(400 + number % 100, SHORT, 1, b"\1") for number in range(entries)]
    last = (ORIENTATION, SHORT, 1, b"\6")
    assert read_orientation(tiff("<", *others[: entries - 1], last)) == (6 if entries <= 1000 else 1)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


@pytest.mark.parametrize(
    ("flags", "kind", "turned"),
    [(8, b"EXIF", 6), (0, b"EXIF", 1), (4, b"EXIF", 1), (4, b"XMP ", 6), (8, b"XMP ", 1), (None, b"EXIF", 1)],
)
def test_metadata_of_a_webp_counts_where_its_header_announces_it(flags: int | None, kind: bytes, turned: int) -> None:
    """As libwebp and Pillow have it: without an extended header nothing follows the picture."""
    picture = crafted.plain("WEBP", (64, 48))[12:]
    content = tiff("<", (ORIENTATION, SHORT, 1, b"\6")) if kind == b"EXIF" else b'tiff:Orientation="6"'
    header = b"" if flags is None else webp_chunk(b"VP8X", struct.pack("<I", flags) + b"\x3f\0\0\x2f\0\0")
    data = riff(header, picture, webp_chunk(kind, content))
    assert our_orientation(data) == pillows_orientation(data) == turned


def test_nothing_that_follows_the_picture_of_a_simple_webp_counts() -> None:
    picture = crafted.plain("WEBP", (64, 48))[12:]
    other = crafted.plain("WEBP", (600, 700), lossless=True)[12:]
    found = _EXAMINE["WEBP"](riff(picture, other))
    assert (found.content, found.size, found.unbounded) == (riff(picture), (64, 48), False)
