"""A settings file, and what the environment says beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.environment import SettingsError
from scripts.settings import given_values, load_settings


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "stack.env"
    monkeypatch.setenv("SETTINGS", str(path))
    for name in ("PORT", "LOAD_MODELS", "CORS_ORIGINS"):
        monkeypatch.delenv(name, raising=False)
    return path


def test_a_file_has_the_names_of_the_environment_which_wins(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("# ours\n\nPORT=9000\n LOAD_MODELS = none \nCORS_ORIGINS='http://a http://b'\n")
    monkeypatch.setenv("LOAD_MODELS", "all")
    settings = load_settings()
    assert (settings.port, settings.load_models, settings.cors_origins) == (9000, "all", ("http://a", "http://b"))
    assert given_values(["PORT"]) == {"PORT": "9000"}
    assert load_settings({}).port == 8000, "who names all values gets no others"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PROT=9000", "stack.env, line 1: there is no setting PROT; did you mean PORT?"),
        ("\nport=9000", "stack.env, line 2: there is no setting port; did you mean PORT?"),
        ("QWXYZ=1", "stack.env, line 1: there is no setting QWXYZ; docs/configuration.md lists them"),
        ("PORT 9000", "stack.env, line 1: 'PORT 9000' is no setting; write NAME=value"),
        ("PORT=1\nPORT=2", "stack.env, line 2: PORT is set a second time; keep one"),
        ("PORT=x", "PORT=x: must be a whole number of at least 1"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value) == message
    assert given_values(["RUN_DIR"]).keys() <= {"RUN_DIR"}, "a stop needs no other"


def test_a_file_that_is_named_and_missing_is_an_error(file: Path) -> None:
    with pytest.raises(SettingsError, match=r"stack\.env: cannot be read .* name a text file"):
        load_settings()
