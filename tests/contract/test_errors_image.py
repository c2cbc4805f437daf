"""Files that are no image we accept, or no whole one, get the status of their case."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

import pytest
from PIL import Image

from tests.support import bombs, forms, images
from tests.support.assertions import assert_error
from tests.support.client import Client

MODEL = "MobileNetV2_FER2013"
ACCEPTED = ("JPEG", "PNG", "WebP", "BMP", "GIF")

NOT_ACCEPTED = {
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/></svg>',
    "svg-with-declaration": b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>',
    "tiff": images.encode(images.scene(60, (64, 48)), "TIFF"),
    "jpeg-2000": images.encode(images.scene(60, (64, 48)), "JPEG2000"),
    "avif": images.encode(images.scene(60, (64, 48)), "AVIF"),
    "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000),
    "ico": images.encode(images.scene(60, (64, 48)), "ICO"),
    "ppm": images.encode(images.scene(60, (64, 48)), "PPM"),
    "dib": images.encode(images.scene(60, (64, 48)), "DIB"),
    "pdf": images.encode(images.scene(60, (64, 48)), "PDF"),
    "photoshop": b"8BPS\0\1" + bytes(500),
    "mp4": b"\0\0\0\x18ftypisom\0\0\2\0isomiso2" + bytes(2000),
    "wave-sound": b"RIFF\x24\0\0\0WAVEfmt " + bytes(500),
    "html": b"<!DOCTYPE html><html><body><img src='face.jpg'></body></html>",
    "json": json.dumps({"image": "data:image/jpeg;base64,/9j/4AAQ"}).encode(),
    "base64": b"/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYF",
    "data-url": b"data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAYEBQYF",
    "zipped": b"PK\3\4" + bytes(500),
    "gzipped-jpeg": gzip.compress(images.frame(60), mtime=0),
    "git-lfs-pointer": b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4cac19622fc3ada9c0fdeadb33f88f367b541f38b89102a3f1261ac81fd5bcb5\nsize 48762\n",
    "text": b"hello",
    "one-byte": b"x",
    "zeros": bytes(5000),
    "jpeg-after-a-space": b" " + images.frame(60),
}


@pytest.mark.parametrize("content", NOT_ACCEPTED.values(), ids=NOT_ACCEPTED.keys())
def test_other_format_is_refused_whatever_it_is_called(client: Client, content: bytes) -> None:
    response = client.post_form(forms.image(content, "face.jpg", "image/jpeg"), forms.field("model", MODEL))
    assert_error(response, 415, *ACCEPTED)


WHOLE = (
    "jpeg",
    "jpeg-progressive",
    "jpeg-12-megapixels",
    "png",
    "png-16-bit-grey",
    "webp",
    "bmp",
    "gif",
)


@pytest.mark.parametrize("kept", ["16 bytes", "1 %", "10 %", "50 %", "95 %"])
@pytest.mark.parametrize("name", WHOLE)
def test_truncated_image_is_refused(client: Client, name: str, kept: str) -> None:
    number, unit = kept.split()
    whole = images.sample(name).content
    length = int(number) if unit == "bytes" else max(16, len(whole) * int(number) // 100)
    assert_error(client.predict(whole[:length], MODEL), 400, name.split("-")[0])


def _png(body: bytes) -> bytes:
    return images.png_header(160, 120) + body


_PNG = images.encode(images.scene(62, (160, 120)), "PNG")
_JPEG = images.frame(62)
_WEBP = images.encode(images.scene(62, (160, 120)), "WEBP", lossless=True)
_GIF = images.encode(images.scene(62, (160, 120)), "GIF")
_BMP = images.encode(images.scene(62, (160, 120)), "BMP")

DAMAGED = {
    "png-without-pixels": _png(b""),
    "png-of-no-width": images.png_header(0, 120) + _PNG[33:],
    "png-with-broken-data": _PNG[:200] + b"\xff" * (len(_PNG) - 300) + _PNG[-100:],
    "png-with-a-jpeg-inside": _PNG[:500] + _JPEG,
    "jpeg-without-tables": _JPEG[:20] + _JPEG[_JPEG.index(b"\xff\xda") :],
    "jpeg-of-markers-only": _JPEG[:20] + b"\xff\xd9",
    "webp-with-broken-data": _WEBP[:40] + b"\xff" * (len(_WEBP) - 40),
    "gif-without-frames": _GIF[:13] + _GIF[13 : 13 + 3 * 256] + b";",
    "bmp-of-no-height": _BMP[:22] + bytes(4) + _BMP[26:],
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED.keys())
def test_damaged_image_is_refused(client: Client, content: bytes) -> None:
    assert_error(client.predict(content, MODEL), 400)


def _with_jpeg_size(width: int, height: int) -> bytes:
    frame = images.frame(63)
    start = frame.index(b"\xff\xc0") + 5
    return frame[:start] + height.to_bytes(2, "big") + width.to_bytes(2, "big") + frame[start + 4 :]


def _blank_webp(width: int, height: int) -> bytes:
    return images.encode(Image.new("L", (width, height)), "WEBP", method=0, quality=1)


def _with_gif_size(width: int, height: int) -> bytes:
    gif = _GIF
    size = width.to_bytes(2, "little") + height.to_bytes(2, "little")
    start = gif.index(b",", 13 + 3 * 256)
    return gif[:6] + size + gif[10 : start + 5] + size + gif[start + 9 :]


TOO_LARGE: dict[str, tuple[int, int, Callable[[int, int], bytes]]] = {
    "png-just-over": (10_001, 5_000, images.blank_png),
    "png-60-megapixels": (6_000, 10_000, images.blank_png),
    "png-200-megapixels": (20_000, 10_000, images.blank_png),
    "png-bomb": (100_000, 100_000, lambda width, height: images.png_header(width, height) + _PNG[33:]),
    "jpeg": (65_000, 65_000, _with_jpeg_size),
    "gif": (60_000, 60_000, _with_gif_size),
    "webp": (9_000, 6_000, _blank_webp),
}


@pytest.mark.parametrize(("width", "height", "make"), TOO_LARGE.values(), ids=TOO_LARGE.keys())
def test_too_many_pixels_are_refused(
    client: Client, width: int, height: int, make: Callable[[int, int], bytes]
) -> None:
    sentence = assert_error(client.predict(make(width, height), MODEL), 413, "pixel")
    digits = "".join(character for character in sentence if character.isdigit())
    assert f"{width}{height}" in digits
    assert "50" in digits


@pytest.mark.parametrize(("make", "beginning", "end"), bombs.REFUSED.values(), ids=bombs.REFUSED.keys())
def test_image_that_costs_too_much_to_decode_is_refused(
    client: Client, make: Callable[[], bytes], beginning: str, end: str
) -> None:
    sentence = assert_error(client.predict(make(), MODEL), 413, beginning)
    assert sentence.endswith(end)


@pytest.mark.parametrize("name", ["jpeg-exif", "png-ztxt", "png-icc", "jpeg-segments", "webp-codes-vga"])
def test_image_is_answered_whatever_metadata_it_carries(client: Client, name: str) -> None:
    assert client.predict(bombs.HARMLESS[name](), MODEL).ok


def test_worker_answers_on_after_every_bad_image(client: Client) -> None:
    for content in (*DAMAGED.values(), NOT_ACCEPTED["tiff"], _with_jpeg_size(65_000, 65_000)):
        assert not client.predict(content, MODEL).ok
    assert client.predict(images.frame(61), MODEL).ok
