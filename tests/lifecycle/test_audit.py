"""The line that each change from this machine leaves."""

from __future__ import annotations

import json
import pwd
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.lifecycle.audit import audited
from scripts.lifecycle.outcomes import UnknownModelError
from scripts.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"RUN_DIR": str(tmp_path)})


def lines(settings: Settings) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (settings.log_dir / "management.log").read_text().splitlines()]


def test_a_change_is_logged_with_who_made_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    user = pwd.getpwuid(settings.run_dir.stat().st_uid).pw_name
    monkeypatch.delenv("SUDO_USER", raising=False)
    with audited(settings, "scale", "name=A&workers=2") as entry:
        entry.result = "A 1.0 with 2 worker(s)"
    monkeypatch.setenv("SUDO_USER", "alice")
    with audited(settings, "scale", "name=A&workers=1"):
        pass
    first, second = lines(settings)
    assert list(first) == ["time", "request_id", "client", "key", "who", "method", "request", "status", "result"]
    kept = {field: first[field] for field in ("client", "key", "who", "method", "request", "status", "result")}
    assert kept == {
        "client": "local",
        "key": "-",
        "who": user,
        "method": "scale",
        "request": "name=A&workers=2",
        "status": 200,
        "result": "A 1.0 with 2 worker(s)",
    }
    assert (second["who"], second["result"]) == (f"alice as {user}", "done")


@pytest.mark.parametrize(
    ("error", "status", "result"),
    [
        (UserError("it is so"), 409, "it is so"),
        (UnknownModelError("there is none"), 404, "there is none"),
        (KeyboardInterrupt(), 499, "interrupted"),
        (ZeroDivisionError("a fault"), 500, "ZeroDivisionError('a fault')"),
    ],
)
def test_a_change_that_fails_is_logged_too(settings: Settings, error: BaseException, status: int, result: str) -> None:
    with pytest.raises(type(error)), audited(settings, "scale", "name=A"):
        raise error
    (line,) = lines(settings)
    assert (line["status"], line["result"]) == (status, result)


def test_a_change_is_made_though_it_cannot_be_logged(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    settings.log_dir.write_text("no folder")
    with audited(settings, "scale", "name=A"):
        pass
    assert "management.log cannot be written (File exists): this change is not logged" in capsys.readouterr().err
