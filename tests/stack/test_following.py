"""What ``make serve`` shows of the logs to people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.stack.following import readable

REQUEST = {
    "time": "2026-03-01T12:00:00.000Z",
    "method": "POST",
    "path": "/api/v1/predict",
    "model": "VGG19_CK+48",
    "status": 200,
    "seconds": 0.0234,
}


def shown(**fields: Any) -> str | None:
    text = readable(json.dumps({**REQUEST, **fields}))
    return text.plain[len("12:00:00 ") :] if text else None


def test_a_prediction_is_a_short_line() -> None:
    assert shown() == "200     23 ms  VGG19_CK+48"


def test_what_is_no_plain_prediction_is_named() -> None:
    faces = shown(path="/api/v1/faces")
    assert faces == "200     23 ms  VGG19_CK+48 POST /api/v1/faces"
    compared = shown(model="", path="/api/v1/compare", predictions=[{}] * 9)
    assert compared == "200     23 ms  9 models POST /api/v1/compare"


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"status": 415, "image_error": "unsupported"}, "unsupported"),
        ({"status": 429, "rejection": "rate"}, "rate"),
    ],
)
def test_a_failure_says_why(fields: dict[str, Any], reason: str) -> None:
    text = shown(**fields)
    assert text
    assert text.endswith(f"VGG19_CK+48  {reason}")


def test_pages_and_polls_are_left_out_unless_they_fail() -> None:
    page = {"method": "GET", "path": "/static/css/page.css", "model": ""}
    assert shown(**page) is None
    assert shown(**page, status=404) == "404     23 ms  GET /static/css/page.css"


def test_of_other_logs_only_warnings_and_errors_are_shown() -> None:
    line = "2026-03-01T12:00:00+0000 {} WorkerThread [W-9000-A_1.0] something"
    assert readable(line.format("INFO ")) is None
    for level, colour in (("WARN ", "yellow"), ("ERROR", "red")):
        text = readable(line.format(level))
        assert text
        assert (text.plain, text.style) == (line.format(level), colour)


def test_a_line_that_is_no_record_is_shown_as_it_is() -> None:
    text = readable('{"time": "cut')
    assert text
    assert text.plain == '{"time": "cut'
