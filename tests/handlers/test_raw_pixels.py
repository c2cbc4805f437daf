"""Images that come as pixels or in Base64: told by their content type, never by what they hold."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from emotion_handler import EmotionHandler
from image_base64 import CONTENT_TYPE as BASE64
from image_base64 import read_base64
from image_error import ImageError
from raw_pixels import COUNT, READERS, read_numbers

from scripts.settings import ROOT
from tests.handlers.asking import context
from tests.support.images import encode, scene

PICTURE = scene(5, (224, 224))
PIXELS = np.asarray(PICTURE)
BYTES, NUMBERS = READERS
FILE = encode(PICTURE, "PNG")


def test_pixels_are_answered_like_the_same_in_a_file(handler: EmotionHandler) -> None:
    bodies = [
        (FILE, None),
        (PICTURE.tobytes(), BYTES),
        (json.dumps(PIXELS.tolist()).encode(), NUMBERS),
        (base64.b64encode(FILE), BASE64),
        (PICTURE.tobytes()[:-3], BYTES),
        (PICTURE.tobytes(), None),
    ]
    asked = context(Path(), len(bodies))
    for index, (_, kind) in enumerate(bodies):
        if kind is not None:
            asked.request_processor[index]._request_header["Content-Type"] = kind
    answers = handler.handle([{"body": bytearray(body)} for body, _ in bodies], asked)
    assert [asked.get_response_status(index)[0] for index in range(len(bodies))] == [200, 200, 200, 200, 400, 415]
    assert len(set(answers[:4])) == 1
    error = "The pixels have 150525 bytes; send 224 x 224 x 3 = 150528."
    assert json.loads(answers[4]) == {"success": False, "error": error}


def test_numbers_may_be_written_in_any_way_that_json_has() -> None:
    for text in (
        json.dumps(PIXELS.ravel().tolist()),
        json.dumps(PIXELS.tolist(), indent=4),
        json.dumps(PIXELS.astype(float).tolist(), separators=(",", ":")),
        "[" + ",".join(f"{value / 100}e2" for value in PIXELS.ravel().tolist()) + "]",
    ):
        np.testing.assert_array_equal(read_numbers(text.encode()), PIXELS)


@pytest.mark.parametrize(
    "text",
    [
        "[" + ",".join([value] * COUNT) + "]"
        for value in ("256", "-1", "0.5", "1e999", "NaN", "true", "null", '"1"', "[1]", "[]", "9" * 30, "01", "")
    ]
    + [
        "[1",
        "1]",
        "[1],[2]",
        "[[1,2],[3]]",
        "[" * 100_000 + "]" * 100_000,
        "[[[1]]]" * 10,
        "9" * 100_000,
        "1",
        "[1,2,3]",
    ],
    ids=lambda text: text[:9],
)
def test_other_numbers_are_refused(text: str) -> None:
    if text == "[" + ",".join(["[1]"] * COUNT) + "]":
        assert read_numbers(text.encode()).max() == 1
        return
    with pytest.raises(ImageError) as refused:
        read_numbers(text.encode())
    assert refused.value.status == 400


@pytest.mark.parametrize("count", range(5))
def test_base64_may_be_written_in_any_way_that_json_has(count: int) -> None:
    content = FILE[: len(FILE) - count] + b"\xff\xef\xbe"
    text = base64.b64encode(content).decode()
    slashes = text.replace("/", "\\/").replace("+", "\\u002B")
    assert slashes != text
    for written in (text, text.rstrip("="), slashes):
        assert read_base64(written.encode()) == content


@pytest.mark.parametrize("text", ["a picture?", "A", "AAAA\\", "\\u00e9AAA", "é", "AAA=AAA", "AA\n", "-_-_", "AAAA\\n"])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ImageError, match="Base64") as refused:
        read_base64(text.encode())
    assert refused.value.status == 400


def test_the_proxy_declares_them_so() -> None:
    template = (ROOT / "proxy" / "templates" / "http" / "torchserve.conf.j2").read_text()
    for line in (f'pixels "{BYTES}";', f'numbers "{NUMBERS}";', f"base64 {BASE64};"):
        assert line in template
