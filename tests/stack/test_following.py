"""What ``make serve`` shows of the logs to people."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from scripts.settings import Settings, load_settings
from scripts.stack.following import followed_logs, readable
from tests.support.polling import poll

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


def logged(run_dir: Path, log_format: str) -> Settings:
    """The settings of a stack whose logs are there."""
    settings = load_settings({"RUN_DIR": str(run_dir), "LOG_FORMAT": log_format})
    settings.log_dir.mkdir()
    (settings.log_dir / "proxy-access.log").touch()
    return settings


def log(settings: Settings, *records: dict[str, Any]) -> str:
    lines = "".join(json.dumps(record) + "\n" for record in records)
    with (settings.log_dir / "proxy-access.log").open("a") as file:
        file.write(lines)
    return lines


def test_lines_for_people_are_printed_as_they_come(tmp_path: Path) -> None:
    output, settings = io.StringIO(), logged(tmp_path, "text")
    with followed_logs(settings, Console(file=output, width=80)):
        # What is written before tail looks is not shown.
        poll(lambda: log(settings, {**REQUEST, "method": "GET"}, REQUEST) and "VGG19_CK+48" in output.getvalue())
    assert {line[len("12:00:00 ") :] for line in output.getvalue().splitlines()} == {"200     23 ms  VGG19_CK+48"}


def test_lines_for_machines_are_those_of_the_files(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    settings, page = logged(tmp_path, "json"), {**REQUEST, "method": "GET"}
    with followed_logs(settings, Console()):
        printed = poll(lambda: log(settings, page) and capfd.readouterr().out)
    assert {line for line in printed.splitlines() if line} == {json.dumps(page)}
