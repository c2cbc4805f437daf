"""The proxy's log has a line for each request; the workers' log names the request; neither has images or tokens."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import forms, images
from tests.support.client import COMPARE, Client
from tests.support.models import OTHER, SERVED
from tests.support.polling import poll

from .scrape import Scrape

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

FRAME = images.frame(94)
ALWAYS = {
    "time",
    "request_id",
    "trace_id",  # this stack traces
    "client",
    "method",
    "path",
    "model",
    "status",
    "received_bytes",
    "sent_bytes",
    "seconds",
    "retries",
}
TIMES = {"torchserve_seconds", "queue_seconds", "decode_seconds", "inference_seconds"}
WORKED = TIMES | {"batch", "version", "image_sha256"}
DIGEST = hashlib.sha256(FRAME).hexdigest()[:16]


@pytest.fixture
def log(monitored: RunningStack) -> Path:
    return monitored.settings.log_dir / "proxy-access.log"


def line_of(log: Path, request_id: str) -> dict[str, Any]:
    """The one line of a request; nginx writes it when the answer is on its way."""
    lines = poll(lambda: [line for line in log.read_text().splitlines() if request_id in line], bool)
    (line,) = lines
    record: dict[str, Any] = json.loads(line)
    return record


def test_others_may_not_read_the_logs(monitored: RunningStack) -> None:
    assert stat.S_IMODE(monitored.settings.log_dir.stat().st_mode) == 0o750


def test_a_log_that_cannot_be_written_is_told_and_requests_are_answered(
    monitored: RunningStack, client: Client
) -> None:
    """The proxy tries it with a file that it removes: one that stays would have its room on a full disk too."""
    poll(lambda: Scrape(monitored.url).value("emotion_log_writable"), lambda value: value == 1)
    probe = monitored.settings.log_dir / ".probe"
    poll(probe.exists, lambda there: not there)
    full = probe.with_name("full")
    full.symlink_to("/dev/full")
    full.replace(probe)  # what the proxy writes there meets a full disk
    try:
        poll(lambda: Scrape(monitored.url).value("emotion_log_writable"), lambda value: value == 0)
        assert client.predict(FRAME, SERVED).status_code == 200
    finally:
        probe.unlink()
    poll(lambda: Scrape(monitored.url).value("emotion_log_writable"), lambda value: value == 1)


def test_a_prediction_has_one_line_with_all_of_its_times(client: Client, log: Path) -> None:
    answer = client.predict(FRAME, SERVED, {"X-Request-ID": "log-prediction"})
    record = line_of(log, "log-prediction")
    assert set(record) == ALWAYS | WORKED
    assert abs(datetime.now(timezone.utc) - datetime.fromisoformat(record["time"].replace("Z", "+00:00"))) < timedelta(
        minutes=1
    )
    parts = record["queue_seconds"] + record["decode_seconds"] + record["inference_seconds"]
    assert 0 < parts <= record["torchserve_seconds"] + 0.005 <= record["seconds"] + 0.01
    assert record["received_bytes"] > len(FRAME)
    assert record["sent_bytes"] > len(answer.content)
    fixed = ("request_id", "client", "method", "path", "model", "status", "batch", "retries", "version", "image_sha256")
    assert {name: record[name] for name in fixed} == {
        "request_id": "log-prediction",
        "client": "127.0.0.1",
        "method": "POST",
        "path": "/api/v1/predict",
        "model": SERVED,
        "status": 200,
        "batch": 1,
        "retries": 0,
        "version": answer.json()["version"],
        "image_sha256": DIGEST,
    }


def test_a_comparison_has_one_line_with_the_times_of_each_network(client: Client, log: Path) -> None:
    models = [forms.field("model", name) for name in (SERVED, OTHER)]
    client.post_form(forms.image(FRAME), *models, headers={"X-Request-ID": "log-comparison"}, path=COMPARE)
    record = line_of(log, "log-comparison")
    assert set(record) == ALWAYS | {"predictions"}
    assert (record["model"], record["status"], record["path"]) == ("", 200, COMPARE)
    assert sorted(one["model"] for one in record["predictions"]) == sorted((SERVED, OTHER))
    for one in record["predictions"]:
        assert set(one) == {"model", "status", "retries"} | WORKED
        assert (one["status"], one["retries"], one["image_sha256"]) == (200, 0, DIGEST)


def test_a_request_without_a_model_has_a_line_without_its_times(client: Client, log: Path) -> None:
    client.get('/strange/"path"?token=secret', headers={"X-Request-ID": "log-strange"})
    record = line_of(log, "log-strange")
    assert set(record) == ALWAYS
    assert (record["status"], record["model"]) == (404, "")
    assert "secret" not in json.dumps(record)


def test_a_worker_names_the_request_whose_image_it_cannot_use(
    client: Client, log: Path, monitored: RunningStack
) -> None:
    client.predict(b"no image at all", SERVED, {"X-Request-ID": "log-no-image"})
    record = line_of(log, "log-no-image")
    assert (record["status"], record["image_error"]) == (415, "unsupported")
    workers = monitored.settings.log_dir / "workers.log"
    poll(workers.read_text, lambda text: "request log-no-image is answered with 415: unsupported" in text)


def test_no_log_has_an_image_or_a_token(client: Client, log: Path, monitored: RunningStack) -> None:
    secrets = [*monitored.keys().values(), "c2VjcmV0OnBhc3N3b3Jk"]
    shown = {"Authorization": f"Basic {secrets[-1]}", "Cookie": f"session={secrets[-1]}"}
    client.predict(FRAME, SERVED, {**shown, "X-Request-ID": "log-secret-head"})
    client.get(f"/api/v1/models?token={secrets[0]}", headers={"X-Request-ID": "log-secret-query"})
    client.predict(FRAME[:2000], SERVED, {"X-Request-ID": "log-secret-image"})
    for request_id in ("log-secret-head", "log-secret-query", "log-secret-image"):
        line_of(log, request_id)
    pieces = [FRAME[700:732].hex(), base64.b64encode(FRAME[702:732]).decode(), repr(FRAME[700:716])[2:-1]]
    for path in filter(Path.is_file, monitored.settings.log_dir.rglob("*")):
        text = path.read_text(errors="replace")
        for secret in [*secrets, *pieces]:
            assert secret not in text, path.name


def test_a_large_log_is_put_aside_and_logging_goes_on(client: Client, log: Path) -> None:
    old = log.with_name(f"{log.name}.1")
    assert not old.exists()
    os.truncate(log, 20 * 2**20)
    poll(old.exists, bool)

    # Each of nginx's processes goes on with the old file for up to a second.
    def logged_anew() -> list[dict[str, Any]]:
        client.get("/", headers={"X-Request-ID": "log-after-rotation"})
        lines = log.read_text().splitlines() if log.exists() else []
        return [json.loads(line) for line in lines if "log-after-rotation" in line]

    assert {record["status"] for record in poll(logged_anew, bool)} == {200}
