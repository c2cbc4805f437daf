"""Which version served before, and so is the one to go back to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.lifecycle.history import record_version_before, version_before
from scripts.settings import Settings, load_settings
from scripts.torchserve.management import ModelState


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"RUN_DIR": str(tmp_path)})


def states(*versions: str) -> list[ModelState]:
    return [ModelState("A", version, "A.mar", 1, 1, frozenset(), 0, 8) for version in versions]


def test_the_noted_version_is_the_one_before(settings: Settings) -> None:
    record_version_before(settings, "A", "1.0")
    record_version_before(settings, "B", "7")
    assert version_before(settings, states("1.2", "1.1", "1.0")) == "1.0"
    assert version_before(settings, states("1.2")) == "1.0"
    text = (settings.run_dir / "versions_before.json").read_text()
    assert text == json.dumps({"A": "1.0", "B": "7"}) + "\n"


def test_of_two_it_is_the_other_one(settings: Settings) -> None:
    assert version_before(settings, states("1.1", "1.0")) == "1.0"
    record_version_before(settings, "A", "1.1")
    assert version_before(settings, states("1.1", "1.0")) == "1.0", "the noted one serves"


@pytest.mark.parametrize("versions", [("1.0",), ("1.2", "1.1", "1.0")])
def test_of_one_or_three_none_is(settings: Settings, versions: tuple[str, ...]) -> None:
    assert version_before(settings, states(*versions)) is None


@pytest.mark.parametrize("content", ["", "[1]", "1", "null"])
def test_a_damaged_note_counts_as_none(settings: Settings, content: str) -> None:
    (settings.run_dir / "versions_before.json").write_text(content)
    assert version_before(settings, states("1.0")) is None
    record_version_before(settings, "A", "0.9")
    assert version_before(settings, states("1.0")) == "0.9"
