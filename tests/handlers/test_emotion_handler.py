"""The handler as TorchServe's worker runs it: TorchServe's own loader, context and requests."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_handler import EmotionHandler
from image_error import ImageError
from worker_metrics import BatchReport

from scripts.probes import seeded_image
from scripts.settings import ROOT
from tests.support import bombs
from tests.support.unpacked_archive import EMOTIONS, expected, unpack

with warnings.catch_warnings():
    # TorchServe leaves its version file to the garbage collector.
    warnings.simplefilter("ignore", ResourceWarning)
    from ts.context import Context, RequestProcessor
    from ts.model_loader import ModelLoaderFactory
    from ts.service import Service

HANDLERS = ROOT / "handlers"
EMPTY = "The image is empty (0 bytes); send a JPEG, PNG, WebP, BMP or GIF file."


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    unpack(folder, "openvino")
    return folder


def context(model_dir: Path, requests: int = 0) -> Context:
    context = Context("MobileNetV2_CKplus48", str(model_dir), {}, 8, None, "0.12.0")
    context.request_processor = [RequestProcessor({}) for _ in range(requests)]
    return context


@pytest.fixture(scope="module")
def handler(model_dir: Path) -> EmotionHandler:
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    return handler


def photo(seed: int = 0, image_format: str = "JPEG") -> bytearray:
    buffer = io.BytesIO()
    seeded_image(seed).save(buffer, image_format)
    return bytearray(buffer.getvalue())


@cache
def truth(seed: int) -> dict[str, float]:
    """What torch and torchvision answer for the photo of a seed, by label."""
    return dict(zip(EMOTIONS, expected([seeded_image(seed)])[0].tolist(), strict=True))


def ask(handler: EmotionHandler, *requests: dict[str, Any]) -> list[tuple[int, str | None, dict[str, Any]]]:
    """Status, reason and answer of each request of a batch."""
    asked = context(Path(), len(requests))
    answers = handler.handle(requests, asked)
    assert [asked.get_response_content_type(index) for index in range(len(requests))] == ["application/json"] * len(
        requests
    )
    return [(*asked.get_response_status(index), json.loads(text)) for index, text in enumerate(answers)]


def assert_prediction(answer: tuple[int, str | None, dict[str, Any]], seed: int) -> None:
    """The whole answer for the photo of a seed, against torchvision."""
    status, _, body = answer
    assert status == 200
    predictions = body["predictions"]
    assert sorted(predictions) == sorted(EMOTIONS)
    assert max(abs(predictions[label] - truth(seed)[label]) for label in EMOTIONS) <= 1e-4
    assert list(predictions.values()) == sorted(predictions.values(), reverse=True)
    assert body == {
        "success": True,
        "model": "MobileNetV2_CK+48",
        "predictions": predictions,
        "top_emotion": next(iter(predictions)),
        "confidence": max(predictions.values()),
        "version": "3.1",
    }


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
            "error": "The file is no image of an accepted format (it begins with the bytes 61 20 74 65 78 74 2c 20); "
            "send a JPEG, PNG, WebP, BMP or GIF file.",
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
        {"body": bombs.scans((640, 480), 1, 200)},
        {"body": photo(1, "PNG")},
    )
    assert_prediction(first, 0)
    assert_prediction(last, 1)
    assert [answer[0] for answer in (refused, scans)] == [413, 413]


def test_what_is_refused_is_not_held_until_the_batch_is_answered(handler: EmotionHandler) -> None:
    """An error's traceback would hold the pixels that were decoded before it."""
    cut = bombs.encode(seeded_image(0), "PNG")[:50_000]
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


@pytest.mark.parametrize("limit", ["", "many", "0", "-5", "1e6"])
def test_a_limit_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_PIXELS", limit)
    with pytest.raises(ValueError, match=f"^MAX_PIXELS={limit!r} is no number of pixels; set one, such as 50000000$"):
        EmotionHandler().initialize(context(model_dir))


def test_the_limit_comes_from_the_environment(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_PIXELS", "307199")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    assert [status for status, _, _ in ask(handler, {"body": photo()})] == [413]


@pytest.mark.parametrize("limit", ["", "much", "0", "-5", "0.5"])
def test_a_limit_of_memory_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_DECODE_MEMORY", limit)
    with pytest.raises(
        ValueError, match=f"^MAX_DECODE_MEMORY={limit!r} is no number of megabytes; set one, such as 256$"
    ):
        EmotionHandler().initialize(context(model_dir))


@pytest.mark.parametrize("limit", ["", "long", "0", "-1", "nan", "inf"])
def test_a_limit_of_time_that_is_no_number_stops_the_worker(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setenv("MAX_DECODE_SECONDS", limit)
    with pytest.raises(ValueError, match=f"^MAX_DECODE_SECONDS={limit!r} is no number of seconds; set one, such as 2$"):
        EmotionHandler().initialize(context(model_dir))


def test_the_limits_of_decoding_come_from_the_environment(model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_DECODE_MEMORY", "5")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    [(status, _, body)] = ask(handler, {"body": photo()})
    assert (status, body["error"][:55]) == (413, "Decoding the JPEG image of 640 x 480 pixels would take ")
    monkeypatch.setenv("MAX_DECODE_MEMORY", "256")
    monkeypatch.setenv("MAX_DECODE_SECONDS", "1e-9")
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    cut, text = ask(handler, {"body": photo()}, {"body": b"text"})
    assert (cut[0], cut[2]["error"]) == (
        413,
        "Decoding the JPEG image of 640 x 480 pixels takes more than 1e-09 seconds of processor time; "
        "send a smaller image, or save it as a baseline JPEG.",
    )
    assert text[0] == 415


@pytest.mark.parametrize("decoding", ["", "fast", "Exact"])
def test_an_unknown_decoding_stops_the_worker(model_dir: Path, monkeypatch: pytest.MonkeyPatch, decoding: str) -> None:
    monkeypatch.setenv("JPEG_DECODING", decoding)
    with pytest.raises(ValueError, match=f"^JPEG_DECODING={decoding!r} is unknown; set exact or reduced$"):
        EmotionHandler().initialize(context(model_dir))


@pytest.mark.parametrize("level", ["debug", "info"])
def test_log_level_decides_what_is_told_of_a_damaged_image(
    model_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, level: str
) -> None:
    monkeypatch.setenv("LOG_LEVEL", level)
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    assert ask(handler, {"body": photo()[:500]})[0][0] == 400
    assert any("Pillow cannot decode a JPEG image" in line for line in caplog.messages) == (level == "debug")
    assert any("is answered with 400: damaged" in line for line in caplog.messages)


def test_torchserves_loader_finds_and_initialises_the_handler(model_dir: Path) -> None:
    service = ModelLoaderFactory.get_model_loader().load("m", str(model_dir), "emotion_handler.py", None, 8)
    assert isinstance(service, Service)


WORKER = """
import json, sys
from ts.model_loader import ModelLoaderFactory
from ts.protocol.otf_message_handler import create_predict_response
import ts.model_service_worker
from ts.context import RequestProcessor
service = ModelLoaderFactory.get_model_loader().load("m", sys.argv[1], "emotion_handler.py", None, 8)
context = service.context
context.request_processor = [RequestProcessor({})]
answers = service._entry_point([{"body": open(sys.argv[2], "rb").read()}], context)
create_predict_response(answers, {0: "id"}, "Prediction success", 200, context=context)
heavy = [name for name in ("torch._C", "torchvision", "openvino_telemetry.main") if name in sys.modules]
import torch.nn
print(json.dumps([context.get_response_status(0)[0], heavy, torch.nn.Linear(2, 3).weight.shape[0]]))
"""


def test_a_worker_answers_without_loading_torch_and_can_load_it(model_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "photo").write_bytes(photo())
    command: Sequence[str | Path] = (sys.executable, "-c", WORKER, model_dir, tmp_path / "photo")
    environment = {**os.environ, "PYTHONPATH": str(HANDLERS)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == [200, [], 3]
