"""The handler as TorchServe's worker runs it: TorchServe's own loader, context and requests."""

from __future__ import annotations

import io
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_handler import EmotionHandler
from image_error import ImageError
from worker_metrics import BatchReport

from scripts.probes import seeded_image
from tests.support import bombs, crafted
from tests.support.unpacked_archive import EMOTIONS

with warnings.catch_warnings():
    # TorchServe leaves its version file to the garbage collector.
    warnings.simplefilter("ignore", ResourceWarning)
from tests.handlers.asking import EMPTY, ask, assert_prediction, context, photo


@pytest.mark.parametrize("field", ["body", "file", "data"])
def test_an_image_is_found_wherever_torchserve_puts_it(handler: EmotionHandler, field: str) -> None:
    [answer] = ask(handler, {field: photo(image_format="PNG"), "model": bytearray(b"MobileNetV2_CK+48")})
    assert_prediction(answer, 0)


def test_an_answer_is_compact_text_with_short_numbers(handler: EmotionHandler) -> None:
    [text] = handler.handle([{"body": photo()}], context(Path(), 1))
    assert text == json.dumps(json.loads(text), separators=(",", ":"))
    assert all(round(value, 6) == value for value in json.loads(text)["predictions"].values())


def test_each_image_of_a_batch_gets_its_own_answer(handler: EmotionHandler) -> None:
    answers = ask(handler, *({"body": photo(seed, "PNG")} for seed in range(8)))
    for seed, answer in enumerate(answers):
        assert_prediction(answer, seed)
    assert len({json.dumps(body) for _, _, body in answers}) == 8


def test_a_bad_image_fails_alone(handler: EmotionHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(handler.decoding, "max_pixels", 640 * 480)
    damaged = photo()[:3000]
    huge = io.BytesIO()
    seeded_image(0, (641, 480)).save(huge, "PNG")
    good, cut, text, large, none, also_good = ask(
        handler,
        {"body": photo(0, "PNG")},
        {"body": damaged},
        {"body": "a text, as TorchServe makes of a part of type text/plain"},
        {"body": huge.getvalue()},
        {"model": bytearray(b"MobileNetV2_CK+48")},
        {"body": photo(1, "PNG")},
    )
    assert_prediction(good, 0)
    assert_prediction(also_good, 1)
    assert cut == (
        400,
        "Bad Request",
        {
            "success": False,
            "error": "The JPEG image (3000 bytes) is damaged or truncated; send the complete file.",
        },
    )
    assert text == (
        415,
        "Unsupported Media Type",
        {
            "success": False,
            "error": "The file is no image of an accepted format but a text (it begins with "
            "'a text, as TorchServe makes of a part of…'); send a JPEG, PNG, WebP, BMP or GIF file.",
        },
    )
    assert large[0] == 413
    assert large[2] == {
        "success": False,
        "error": "The image has 641 x 480 = 307680 pixels, the limit is 307200; send a smaller image.",
    }
    assert none == (400, "Bad Request", {"success": False, "error": EMPTY})


def test_a_bomb_is_refused_alone(handler: EmotionHandler) -> None:
    bomb = bombs.REFUSED["webp-codes"][0]()
    first, refused, scans, last = ask(
        handler,
        {"body": photo(0, "PNG")},
        {"body": bomb},
        {"body": crafted.scans((640, 480), 1, 200)},
        {"body": photo(1, "PNG")},
    )
    assert_prediction(first, 0)
    assert_prediction(last, 1)
    assert [answer[0] for answer in (refused, scans)] == [413, 413]


def test_what_is_refused_is_not_held_until_the_batch_is_answered(handler: EmotionHandler) -> None:
    """An error's traceback would hold the pixels that were decoded before it."""
    cut = crafted.encode(seeded_image(0), "PNG")[:50_000]
    [refused] = handler.preprocess([{"body": cut}])
    assert isinstance(refused, ImageError)
    assert refused.status == 400
    assert refused.__traceback__ is None
    assert refused.__context__ is None
    assert refused.__cause__ is None


def test_a_batch_of_bad_images_only_is_answered(handler: EmotionHandler) -> None:
    answers = ask(handler, {"body": bytearray()}, {"body": bytearray()})
    assert answers == [(400, "Bad Request", {"success": False, "error": EMPTY})] * 2


INTERNAL = (
    500,
    "Internal Server Error",
    {
        "success": False,
        "error": "MobileNetV2_CK+48 failed on this image; try again, or look into the server's log.",
    },
)


def test_a_failing_network_is_answered_without_a_trace(
    handler: EmotionHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handler, "engine", None)
    broken, empty = ask(handler, {"body": photo()}, {"body": bytearray()})
    assert broken == INTERNAL
    assert empty[0] == 400


def test_an_unexpected_failure_of_one_image_leaves_the_others(
    handler: EmotionHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unreadable:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    failed, good = ask(handler, {"body": Unreadable()}, {"body": photo(0, "PNG")})
    assert failed == INTERNAL
    assert_prediction(good, 0)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6])
def test_values_that_are_no_numbers_are_never_answered(
    handler: EmotionHandler, monkeypatch: pytest.MonkeyPatch, place: int, broken: float
) -> None:
    """The answer and what the proxy counts say the same, wherever the broken value is."""

    class BrokenEngine:
        def infer(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            probabilities = np.full((len(images), 7), 1 / 7, np.float32)
            probabilities[0, place] = broken
            return probabilities

    monkeypatch.setattr(handler, "engine", BrokenEngine())
    asked = context(Path(), 2)
    texts = handler.handle([{"body": photo()}, {"body": photo(1)}], asked)
    reports = [json.loads(asked.get_response_headers(index)[BatchReport.HEADER]) for index in range(2)]
    assert (*asked.get_response_status(0), json.loads(texts[0])) == INTERNAL
    assert reports[0]["error"] == "internal"
    assert json.loads(texts[1])["success"]
    assert reports[1]["emotion"] == EMOTIONS[0]
