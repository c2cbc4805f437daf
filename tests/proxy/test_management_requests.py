"""Which parameters requests of other machines may have: the module by itself, under Node.js."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.settings import load_settings
from scripts.store import served
from tests.proxy.modules import Call, Modules


@pytest.mark.parametrize("name", ["constructor", "toString", "__proto__", "hasOwnProperty"])
def test_a_parameter_that_every_object_of_javascript_has_is_refused(modules: Modules, name: str) -> None:
    request = {"uri": "/models/M", "method": "PUT", "args": {name: "1", "min_worker": "1"}}
    (result,) = modules.call([Call("management/requests.js", "read", (request,))])
    assert result.returned["failure"]["status"] == 400


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"command": "register", "model": "X.mar", "archive": "Y.mar"},
            "'archive' is not accepted here; use command, model, wait, dry_run, workers, timeout.",
        ),
        (
            {"command": "unregister", "model": "M", "timeout": "9"},
            "'timeout' is not accepted here; use command, model, wait, dry_run, version.",
        ),
        (
            {"command": "rollback", "model": "M", "workers": "2"},
            "'workers' is not accepted here; use command, model, wait, dry_run, timeout.",
        ),
        ({"command": "upgrade", "model": "M", "archive": "a/b.mar"}, "'archive' must be given once, as a plain name."),
        ({"command": "scale", "model": "M"}, "'workers' is missing."),
        ({"archive": "X.mar", "model": "M"}, "'command' is missing."),
        (
            {"workers": "2", "model": "M", "command": "constructor"},
            "'command' must be one of register, unregister, scale, upgrade and rollback.",
        ),
        ({"command": "scale", "model": "M", "workers": "2", "version": "1.0", "timeout": "9"}, None),
        ({"command": "upgrade", "model": "M", "archive": "X.mar", "timeout": "9", "dry_run": "true"}, None),
    ],
)
def test_a_change_has_the_parameters_of_its_command(modules: Modules, given: dict[str, str], told: str | None) -> None:
    request = {"uri": f"/changes/{'f' * 32}", "method": "PUT", "args": given}
    (result,) = modules.call([Call("management/requests.js", "read", (request,))])
    if told is None:
        assert result.returned["change"] == {**given, "id": "f" * 32}
    else:
        failure = result.returned["failure"]
        assert (failure["status"], failure["message"]) == (400, f"The parameter {told}")


def test_what_the_model_store_cannot_be_told_is_noted_in_the_run_directory(modules: Modules, tmp_path: Path) -> None:
    """Which version has served: scripts/store/served.py reads both files."""
    (tmp_path / "run").mkdir()
    settings = load_settings({"MODEL_STORE": str(tmp_path / "store"), "RUN_DIR": str(tmp_path / "run")})
    entry = {"model": "A", "version": "1.0", "sha256": "abc", "stand_in": False}
    places = {"model_store": str(settings.model_store), "served": str(settings.served_file)}
    modules.call([Call("management/served.js", "note", (entry,))], **places)
    assert served.contents(settings, "A", "1.0") == {"abc"}
    (tmp_path / "store").mkdir()
    modules.call([Call("management/served.js", "note", ({**entry, "sha256": "def"},))], **places)
    assert len(settings.served_file.read_text().splitlines()) == 1
    assert served.contents(settings, "A", "1.0") == {"abc", "def"}
