"""Reading a file's structure gives what Pillow gives: the same orientation, the same pixels, or one kind of error."""

from __future__ import annotations

import io
import random
import struct
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from face_image import _EXAMINE, ImageError, _format, read_face
from image_exif import read_orientation
from PIL import Image, ImageOps, PngImagePlugin

from tests.support import bombs

ORIENTATION = 0x0112
SHORT, LONG = 3, 4
XMP = '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description {}/></x:xmpmeta>'


def picture(size: tuple[int, int], mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Noise, grey from left to right, so that no part equals another."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)).resize(size)
    if mode == "I;16":
        return Image.fromarray(np.asarray(coarse.convert("L")).astype(np.uint16) * 251 + 100)
    return coarse.quantize(40) if mode == "P" else coarse.convert(mode)


def reference(data: bytes) -> npt.NDArray[np.uint8]:
    """Pillow alone: upright, RGB, bilinear; 16-bit grey first scaled to 8 bits, as Pillow would clip it."""
    image: Image.Image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        exif = image.getexif()
        image = Image.fromarray(np.round(np.asarray(image) / 257).astype(np.uint8))
        image.getexif().update(exif)
    upright = ImageOps.exif_transpose(image).convert("RGB")
    return np.asarray(upright.resize((224, 224), Image.Resampling.BILINEAR))


def tiff(order: str, *entries: tuple[int, int, int, bytes]) -> bytes:
    """EXIF data of one directory: tag, type, count and the four bytes of the value of each entry."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "LH", 8, len(entries))
    packed = [
        struct.pack(order + "HHL", tag, kind, count) + value.ljust(4, b"\0") for tag, kind, count, value in entries
    ]
    return head + b"".join(packed) + bytes(4)


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
    yield b"\xff\xd8" + bombs.jpeg_segment(0xE1, b"Exif\0\0" + exif) + bombs.plain("JPEG")[2:]
    middle = len(exif) // 2
    parts = b"".join(bombs.jpeg_segment(0xE1, b"Exif\0\0" + part) for part in (exif[:middle], exif[middle:]))
    yield b"\xff\xd8" + parts + bombs.plain("JPEG")[2:]
    yield bombs.png_with(bombs.png_chunk(b"eXIf", exif))
    yield bombs.plain("WEBP", exif=exif)
    text = f"\nexif\n{len(exif):8}\n{exif.hex()}\n"
    for packed in (False, True):
        info = PngImagePlugin.PngInfo()
        info.add_text("Raw profile type exif", text, zip=packed)
        yield bombs.plain("PNG", pnginfo=info)


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
    segment = bombs.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + text)
    jpeg = b"\xff\xd8" + (bombs.jpeg_segment(0xE1, b"Exif\0\0" + exif) if exif else b"") + segment
    files = [jpeg + bombs.plain("JPEG")[2:], bombs.plain("WEBP", xmp=text, exif=exif)]
    for packed in (b"\0\0", b"\1\0"):
        body = zlib.compress(text) if packed[0] else text
        chunk = bombs.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + packed + b"\0\0" + body)
        files.append(bombs.png_with(*([bombs.png_chunk(b"eXIf", exif)] if exif else []), chunk))
    for data in files:
        assert our_orientation(data) == pillows_orientation(data) == (3 if b"MM" in exif else expected)


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


@pytest.mark.parametrize(
    "size",
    [
        (100_000, 1),
        (150_001, 1),
        (1, 100_000),
        (70_000, 3),
        (3, 70_000),
        (640, 480),
        (333, 1801),
        (2000, 1100),
        (5, 224),
        (224, 900),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "LA", "P", "RGBA", "I;16"])
def test_the_answer_does_not_depend_on_a_helper(mode: str, size: tuple[int, int]) -> None:
    """Alone in a batch, a picture is divided among two threads; with others it is not."""
    image = picture(size, mode)
    with ThreadPoolExecutor(1) as helper:
        for orientation in (1, 2, 6, 7):
            exif = Image.Exif()
            exif[ORIENTATION] = orientation
            data = bombs.encode(image, "PNG", exif=exif, compress_level=1)
            expected = reference(data)
            assert np.array_equal(read_face(data), expected)
            assert np.array_equal(read_face(data, helper=helper), expected)


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (640, 480), (333, 1801)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_answer_to_four_inks_does_not_depend_on_a_helper(orientation: int, size: tuple[int, int]) -> None:
    exif = tiff("<", (ORIENTATION, SHORT, 1, bytes((orientation,))))
    data = bombs.encode(picture(size, "CMYK"), "JPEG", exif=exif)
    with ThreadPoolExecutor(1) as helper:
        assert np.array_equal(read_face(data, helper=helper), reference(data))
    assert np.array_equal(read_face(data), reference(data))


# Around its frame, a canvas has the transparent colour.
GIF = bombs.encode(picture((40, 30), "P"), "GIF", comment=b"a comment", transparency=2)
SAMPLES: dict[str, bytes] = {
    "jpeg": bombs.encode(picture((40, 30)), "JPEG", comment=b"a comment", icc_profile=bytes(200)),
    "jpeg-progressive": bombs.encode(picture((40, 30)), "JPEG", progressive=True),
    "jpeg-cmyk": bombs.encode(picture((40, 30), "CMYK"), "JPEG"),
    "png": bombs.encode(picture((40, 30)), "PNG", dpi=(72, 72), icc_profile=bytes(200)),
    "png-palette": bombs.encode(picture((40, 30), "P"), "PNG", transparency=3),
    "png-16-bit": bombs.encode(picture((40, 30), "I;16"), "PNG"),
    "png-animated": bombs.encode(picture((40, 30)), "PNG", save_all=True, append_images=[picture((40, 30), seed=1)]),
    "gif": GIF,
    "gif-on-a-canvas": GIF[:6] + struct.pack("<HH", 60, 50) + GIF[10:],
    "gif-animated": bombs.encode(
        picture((40, 30), "P"), "GIF", save_all=True, append_images=[picture((40, 30), "P", 1)], loop=0, disposal=2
    ),
    "webp": bombs.encode(picture((40, 30)), "WEBP", exif=tiff("<", (ORIENTATION, SHORT, 1, b"\6"))),
    "webp-lossless": bombs.encode(picture((40, 30), "RGBA"), "WEBP", lossless=True),
    "webp-alpha": bombs.encode(picture((40, 30), "RGBA"), "WEBP", xmp=b"<x/>"),
    "webp-animated": bombs.encode(picture((40, 30)), "WEBP", save_all=True, append_images=[picture((40, 30), seed=1)]),
    "bmp": bombs.encode(picture((40, 30)), "BMP"),
    "bmp-palette": bombs.encode(picture((40, 30), "P"), "BMP"),
    "bmp-runs": bombs.bitmap_of_runs((40, 30), (b"\x28\5\0\0" * 30) + b"\0\1"),
}


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_whole_file_gives_pillows_pixels(data: bytes) -> None:
    assert np.array_equal(read_face(data), reference(data))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file with its structure changed: bytes of its headers, pieces cut out, doubled, swapped or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(len(changed))
        end = min(len(changed), start + rng.randrange(1, 60))
        match rng.randrange(6):
            case 0 | 1:
                changed[rng.randrange(min(len(changed), 300))] = rng.choice(
                    (0, 1, 2, 127, 128, 254, 255, rng.randrange(256))
                )
            case 2:
                del changed[start:end]
            case 3:
                changed[start:start] = changed[start:end] * rng.randrange(1, 5)
            case 4:
                changed[start:end] = rng.randbytes(end - start)
            case 5:
                changed[start:start] = rng.choice(
                    (b"\xff\xd8", b"\xff\xda", b"\xff\xe1\0\4", b"!\xfe", bytes(9), b"IDAT")
                )
        if len(changed) < 20:
            return bytes(changed)
    return bytes(changed)


@pytest.mark.parametrize("name", SAMPLES)
def test_no_change_of_a_file_leads_to_another_error(name: str) -> None:
    rng = random.Random(name)
    statuses = set()
    for _ in range(10 if name == "bmp-runs" else 150):  # each of these takes a process
        data = mutated(SAMPLES[name], rng)
        try:
            assert read_face(data, max_pixels=4_000_000, max_seconds=5).shape == (224, 224, 3)
            statuses.add(200)
        except ImageError as error:
            statuses.add(error.status)
    assert statuses <= {200, 400, 413, 415}
    assert len(statuses) > 1
