"""Which archives may come into service under a version: only that content with which it has served."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.lifecycle.candidates import candidate
from scripts.settings import Settings, load_settings
from scripts.store import served
from scripts.store.archive import Archive, ArchiveError
from scripts.store.checksums import read_checksum
from scripts.store.choices import record_choice
from scripts.store.index import write_index
from tests.stack.restored import CATALOGUE, write_archive

FIRST, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a store with B.mar, version 1.0."""
    (tmp_path / "run").mkdir()
    write_archive(tmp_path / "B.mar", "1.0")
    made = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path)})
    write_index(made.index_file, {"B": {"archive": "B.mar", "error": None}})
    return made


DOORS: dict[str, Callable[[Settings], Archive]] = {
    "by its file's name": lambda settings: candidate(settings, CATALOGUE, "B.mar"),
    "by the model's name": lambda settings: candidate(settings, CATALOGUE, "B"),
    "the one that was chosen": lambda settings: candidate(settings, CATALOGUE, "B", chosen=True),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())
def test_other_content_than_a_version_has_served_with_is_refused(
    settings: Settings, door: Callable[[Settings], Archive]
) -> None:
    sha256 = str(read_checksum(settings.model_store / "B.mar"))
    assert door(settings).version == "1.0"
    for content in (OTHER, FIRST):
        served.note(settings, "B", "1.0", content)
    told = (
        f"B.mar: version 1.0 of B has served with other content (SHA-256 {FIRST}, {OTHER}) than this ({sha256}); build "
        "this as another version (`make archives ARCHIVE_VERSION=…`), or copy the archive that served here again"
    )
    with pytest.raises(ArchiveError, match=f"^{re.escape(told)}$"):
        door(settings)
    served.note(settings, "B", "1.0", sha256)  # as the build does that makes it again
    assert door(settings).version == "1.0"


def test_the_remedy_for_a_chosen_version_that_is_gone_is_one(settings: Settings) -> None:
    served.note(settings, "B", "1.0", FIRST)
    record_choice(settings, "B", "1.0")
    with pytest.raises(ArchiveError, match=r"has other content .*; give it another version$"):
        candidate(settings, CATALOGUE, "B", chosen=True)
    write_archive(settings.model_store / "B.mar", "1.1")
    with pytest.raises(ArchiveError, match=r"`scripts/models register B\.mar` takes the one that was built last$"):
        candidate(settings, CATALOGUE, "B", chosen=True)
    assert candidate(settings, CATALOGUE, "B.mar").version == "1.1"
