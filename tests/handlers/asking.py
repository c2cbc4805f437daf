"""Batches of requests to a handler, with TorchServe's own context, and what their answers must be."""

from __future__ import annotations

import io
import json
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from emotion_handler import EmotionHandler

from scripts.probes import seeded_image
from tests.support.unpacked_archive import EMOTIONS, expected

with warnings.catch_warnings():
    # TorchServe leaves its version file to the garbage collector.
    warnings.simplefilter("ignore", ResourceWarning)
    from ts.context import Context, RequestProcessor

EMPTY = "The image is empty (0 bytes); send a JPEG, PNG, WebP, BMP or GIF file."


def context(model_dir: Path, requests: int = 0) -> Context:
    context = Context("MobileNetV2_CKplus48", str(model_dir), {}, 8, None, "0.12.0")
    context.request_processor = [RequestProcessor({}) for _ in range(requests)]
    return context


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
        "stand_in": True,
    }
