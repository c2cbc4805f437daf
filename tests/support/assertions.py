"""What an answer of the service must look like; the only place that knows the shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from scripts.catalogue import Model
from tests.support.client import ORIGIN

TOLERANCE = 1e-4  # of any probability, as the API promises
VERSION = "1.0"  # of an archive built without any option

# Paths, code, foreign error texts and inner addresses must not reach clients.
_LEAKS = re.compile(
    r"/(?:home|root|tmp|usr|var|opt|proc|work)/|\bTraceback\b|\bFile \"|\.py\b|\.java\b|Exception\b"
    r"|org\.pytorch|127\.0\.0\.1|<html|nginx|scale workers API",
    re.IGNORECASE,
)


class Answer(Protocol):
    """A response, whichever client received it."""

    @property
    def status_code(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def text(self) -> str: ...


def json_body(answer: Answer) -> Any:
    """The body of an answer that says to be JSON and is, without a key twice."""
    assert answer.headers["Content-Type"].split(";")[0] == "application/json", answer.text

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs), answer.text
        return dict(pairs)

    return json.loads(answer.text, object_pairs_hook=unique)


def assert_cors(answer: Answer, origin: str = ORIGIN) -> None:
    """A page of ``origin`` may read the answer."""
    assert answer.headers.get("Access-Control-Allow-Origin") == origin, answer.headers
    assert answer.headers.get("Access-Control-Allow-Credentials") == "true", answer.headers
    assert "origin" in answer.headers.get("Vary", "").lower(), answer.headers


def assert_error(answer: Answer, status: int, *words: str, origin: str | None = ORIGIN) -> str:
    """The API's error format, with ``words`` in its message, for a page of ``origin``. Returns the message."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    body = json_body(answer)
    assert isinstance(body, dict), body
    assert body == {"success": False, "error": body.get("error")}, body
    message = body["error"]
    assert isinstance(message, str), body
    assert 10 <= len(message) <= 600, message
    assert message.isprintable(), message
    assert not _LEAKS.search(message), message
    missing = [word for word in words if word.lower() not in message.lower()]
    assert not missing, (missing, message)
    if origin is not None:
        assert_cors(answer, origin)
    if status in (429, 503):
        assert_retry_after(answer)
    return message


def assert_retry_after(answer: Answer) -> None:
    """The answer says when to come again."""
    assert 1 <= int(answer.headers["Retry-After"]) <= 120, answer.headers


def assert_prediction(answer: Answer, model: str, expected: dict[str, float], origin: str = ORIGIN) -> None:
    """The whole answer to a prediction: every key, label and probability of ``expected``, and their order."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert_cors(answer, origin)
    body = json_body(answer)
    predictions = body["predictions"]
    assert predictions == pytest.approx(expected, rel=0, abs=TOLERANCE)
    assert list(predictions.values()) == sorted(predictions.values(), reverse=True)
    assert sum(predictions.values()) == pytest.approx(1, rel=0, abs=TOLERANCE)
    top, confidence = next(iter(predictions.items()))
    assert body == {
        "success": True,
        "model": model,
        "predictions": predictions,
        "top_emotion": top,
        "confidence": confidence,
        "version": VERSION,
        "stand_in": True,
    }


def assert_models(answer: Answer, catalogue: Mapping[str, Model], loaded: set[str]) -> None:
    """The list of models: the catalogue's entries, and which of them are loaded."""
    assert answer.status_code == 200, (answer.status_code, answer.text)
    assert_cors(answer)
    body = json_body(answer)
    assert set(body) == {"models", "loaded_models"}
    entries = {
        model.name: {
            "architecture": model.architecture,
            "dataset": model.dataset,
            "emotions": list(model.emotions),
            **({} if "stand_in" in body["models"][model.name] else {"accuracy": model.accuracy}),
        }
        for model in catalogue.values()
    }
    catalogue_keys = ("architecture", "dataset", "emotions", "accuracy")
    assert {
        name: {key: value for key, value in entry.items() if key in catalogue_keys}
        for name, entry in body["models"].items()
    } == entries
    assert sorted(body["loaded_models"]) == sorted(loaded)


def assert_health(answer: Answer, status: str, loaded: int, available: int, device: str = "cpu") -> None:
    """The whole answer to a health check."""
    expected = {
        "status": status,
        "device": device,
        "loaded_models": loaded,
        "available_models": available,
    }
    assert json_body(answer) == expected
    assert answer.status_code == (503 if status == "unhealthy" else 200)
    if answer.status_code == 503:
        assert_retry_after(answer)
    assert_cors(answer)
