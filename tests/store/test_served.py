"""What a registration leaves: which versions have served, and that a real model has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.settings import Settings, load_settings
from scripts.store import served
from scripts.store.stand_ins import stand_ins_may_serve


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    names = ("MODEL_STORE", "RESULTS_DIR", "RUN_DIR")
    for name in names:
        (tmp_path / name).mkdir()
    return load_settings({name: str(tmp_path / name) for name in names})


def folder(settings: Settings, description: str) -> Path:
    """One into which an archive was unpacked."""
    made = settings.run_dir / "unpacked" / "1" / "A"
    made.mkdir(parents=True)
    (made / "model.json").write_text(description)
    (made.parent / "archive.sha256").write_text("abc  A.mar\n")
    return made


@pytest.mark.parametrize("place", ["results", "run"])
def test_stand_ins_do_not_serve_where_a_real_model_has(settings: Settings, place: str) -> None:
    """Also one that was pulled or copied, and where results/ takes no mark."""
    if place == "run":
        settings.results_dir.rmdir()
    assert stand_ins_may_serve(settings)
    served.note_registered(settings, "A", "1.0", folder(settings, json.dumps({"stand_in": False})))
    assert not stand_ins_may_serve(settings)
    assert served.contents(settings, "A", "1.0") == {"abc"}


def test_a_stand_in_leaves_nothing(settings: Settings) -> None:
    served.note_registered(settings, "A", "1.0", folder(settings, json.dumps({"stand_in": True})))
    assert stand_ins_may_serve(settings)
    assert served.versions(settings, "A") == set()


@pytest.mark.parametrize("description", ["", "[]", "null"])
def test_what_was_made_elsewhere_is_no_real_model_for_that(settings: Settings, description: str) -> None:
    served.note_registered(settings, "A", "1.0", folder(settings, description))
    assert stand_ins_may_serve(settings)
    assert served.versions(settings, "A") == {"1.0"}
