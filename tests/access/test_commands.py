"""``scripts/keys``: keys of apps are made, listed and removed, and a start without any is refused."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from pathlib import Path

import pytest

from scripts.access.apps import NoKeysError, app_keys, refuse_start_without_keys
from scripts.access.key_file import KeyFileError
from scripts.settings import ROOT, Settings, load_settings

NOT_ASKED = "With these settings nobody is asked for a key; a start with ALLOW_ANONYMOUS=0 asks for one.\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"RUN_DIR": str(tmp_path)})


def _keys(settings: Settings, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``scripts/keys``."""
    return subprocess.run(
        [ROOT / "scripts" / "keys", *arguments],
        env={**os.environ, "RUN_DIR": str(settings.run_dir), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_key_is_made_listed_and_removed(settings: Settings) -> None:
    assert _keys(settings, "list").stdout == "There are no keys.\n"
    made = _keys(settings, "add", "app")
    key, sentence = made.stdout.splitlines()
    assert (made.returncode, sentence) == (0, "This is the only time the key is shown.")
    assert made.stderr == NOT_ASKED
    stored = app_keys(settings).read()
    assert stored["app"]["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    assert _keys(settings, "list").stdout == f"{stored['app']['made']}  app\n"
    assert _keys(settings, "remove", "app").stdout == "The key app is refused from now on.\n"
    assert app_keys(settings).read() == {}


def test_a_key_gets_limits_that_the_list_shows(settings: Settings) -> None:
    app_keys(settings).add("app")
    made = app_keys(settings).read()["app"]["made"]
    for arguments, told, shown in (
        (["--requests", "8", "--rate", "20"], "its own limits", " (8 at once, 20 a second)"),
        (["--rate", "20"], "its own limits", " (20 a second)"),
        ([], "the limits of all keys", ""),
    ):
        assert _keys(settings, "limit", "app", *arguments).stdout == f"The key app has {told}.\n"
        assert _keys(settings, "list").stdout == f"{made}  app{shown}\n"
    assert _keys(settings, "limit", "app", "--rate", "-1").returncode == 2


def test_programs_get_json(settings: Settings) -> None:
    made = _keys(settings, "add", "app", "--json", ALLOW_ANONYMOUS="0")
    assert made.stderr == ""
    key = json.loads(made.stdout)
    assert key.keys() == {"name", "key"}
    assert json.loads(_keys(settings, "list", "--json").stdout) == {"app": app_keys(settings).read()["app"]["made"]}
    assert json.loads(_keys(settings, "remove", "app", "--json").stdout) == {"name": "app"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add"], "give the key to add a name"),
        (["remove", "nobody"], "'nobody': there is no key of this name; there are: none"),
    ],
)
def test_what_cannot_be_done_is_told(settings: Settings, arguments: list[str], sentence: str) -> None:
    refused = _keys(settings, *arguments)
    assert (refused.returncode, refused.stderr) == (1, f"{sentence}\n")


def test_the_file_may_lie_elsewhere(settings: Settings, tmp_path: Path) -> None:
    _keys(settings, "add", "app", API_KEYS_FILE=str(tmp_path / "secret" / "keys.json"))
    assert json.loads((tmp_path / "secret" / "keys.json").read_text()).keys() == {"app"}
    assert app_keys(settings).read() == {}


OPEN = "others can reach the service, so a key is required, but there is none; make one with `scripts/keys add NAME`"


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"BIND_ADDRESS": "0.0.0.0"}, f"BIND_ADDRESS=0.0.0.0: {OPEN}, or let everybody use it with ALLOW_ANONYMOUS=1"),
        ({"BIND_ADDRESS": "::"}, f"BIND_ADDRESS=::: {OPEN}, or let everybody use it with ALLOW_ANONYMOUS=1"),
        ({"BIND_ADDRESS": "box"}, f"BIND_ADDRESS=box: {OPEN}, or let everybody use it with ALLOW_ANONYMOUS=1"),
        (
            {"ALLOW_ANONYMOUS": "0"},
            "ALLOW_ANONYMOUS=0: a key is required, but there is none; make one with `scripts/keys add NAME`",
        ),
    ],
)
def test_a_start_for_others_without_a_key_is_refused(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path), **environment})
    assert settings.keys_required
    with pytest.raises(NoKeysError) as refused:
        refuse_start_without_keys(settings)
    assert str(refused.value) == sentence
    app_keys(settings).add("app")
    refuse_start_without_keys(settings)
    app_keys(settings).path.write_text("{")
    with pytest.raises(KeyFileError):
        refuse_start_without_keys(settings)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"BIND_ADDRESS": "127.0.0.2"},
        {"BIND_ADDRESS": "::1"},
        {"BIND_ADDRESS": "localhost"},
        {"BIND_ADDRESS": "0.0.0.0", "ALLOW_ANONYMOUS": "1"},
    ],
)
def test_a_start_without_keys_for_this_machine_or_for_everybody_goes_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path), **environment})
    assert not settings.keys_required
    refuse_start_without_keys(settings)
