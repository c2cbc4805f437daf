"""Which archive the index lets be served, and what it says of each."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import Model
from scripts.settings import Settings, load_settings
from scripts.store.index import (
    STAND_IN_REFUSED,
    build_error,
    index_entry,
    read_index,
    verified_index,
    verify_checksums,
    write_index,
)
from scripts.store.records import Record

MODEL = Model("A+1", "VGG19", "A", ("x", "ü"), 50.0)
INPUTS: dict[str, Any] = {"catalogue entry": MODEL.entry, "runtime": "openvino", "version": 1.2}
REAL = Record(INPUTS, False, "abc")
STAND_IN = Record(INPUTS, True, "abc")
OTHER = Record({**INPUTS, "catalogue entry": {**MODEL.entry, "emotions": ["x"]}}, False, "abc")
SERVED = {
    "archive": "Aplus1.mar",
    "version": "1.2",
    "stand_in": False,
    "runtime": "openvino",
    "precision": "f32",
    "sha256": "abc",
    "error": None,
}
NOT_SERVED = {"archive": None, "stand_in": False, "error": "broken"}


@pytest.mark.parametrize(
    ("record", "error", "expected"),
    [
        (REAL, None, SERVED),
        (STAND_IN, None, {**SERVED, "stand_in": True}),
        (OTHER, None, SERVED),
        (
            Record({**INPUTS, "precision": "bf16", "preprocessing": "fast"}, False, "abc"),
            None,
            {**SERVED, "precision": "bf16", "preprocessing": "fast", "proof": "unproven"},
        ),
        (Record({**INPUTS, "temperature": 1.4}, False, "abc"), None, {**SERVED, "temperature": 1.4}),
        (REAL, "broken", {**SERVED, "warning": "broken; the archive built before stays in service"}),
        (STAND_IN, "broken", NOT_SERVED),
        (OTHER, "broken", {**SERVED, "warning": "broken; the archive built before stays in service"}),
        (None, "broken", NOT_SERVED),
        (None, None, {**NOT_SERVED, "error": "Aplus1.mar is not built yet; run `make archives`"}),
    ],
)
def test_an_archive_of_a_real_checkpoint_outlives_a_failed_build_and_no_other_does(
    record: Record | None, error: str | None, expected: dict[str, Any]
) -> None:
    entry = index_entry(MODEL, record, error, stand_ins=True)
    assert entry == expected
    assert build_error(entry) == expected["error"] or build_error(entry) == error


def test_a_build_error_is_found_in_the_error_or_the_warning() -> None:
    assert build_error(index_entry(MODEL, REAL, "broken", stand_ins=True)) == "broken"
    assert build_error(index_entry(MODEL, None, "broken", stand_ins=True)) == "broken"
    assert build_error(index_entry(MODEL, REAL, None, stand_ins=True)) is None
    assert build_error({}) is None


def test_where_stand_ins_may_not_serve_only_they_are_refused() -> None:
    entry = index_entry(MODEL, STAND_IN, None, stand_ins=False)
    assert entry == {**NOT_SERVED, "error": STAND_IN_REFUSED}
    assert build_error(entry) is None, "the next build may let it serve"
    assert index_entry(MODEL, STAND_IN, "broken", stand_ins=False) == NOT_SERVED
    assert index_entry(MODEL, REAL, None, stand_ins=False) == SERVED


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A store with two archives that are whole, and a model without one."""
    made = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path)})
    for name in ("A", "B"):
        content = name.encode()
        (tmp_path / f"{name}.mar").write_bytes(content)
        (tmp_path / f"{name}.mar.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {name}.mar\n")
    entries: Any = {name: {"archive": f"{name}.mar", "error": None} for name in ("A", "B")}
    write_index(made.index_file, {**entries, "C": {"archive": None, "error": "ü"}})
    return made


def test_an_index_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_index(tmp_path / "index.json") == {}


def test_the_index_is_readable_text(settings: Settings) -> None:
    text = settings.index_file.read_text(encoding="utf-8")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) + "\n"
    assert '"error": "ü"' in text


def test_whole_archives_are_found_whole(settings: Settings) -> None:
    before = settings.index_file.stat().st_ino
    assert verify_checksums(settings) == {"A": None, "B": None}
    assert verified_index(settings, ["B", "C", "D"]) == {
        "B": {"archive": "B.mar", "error": None},
        "C": {"archive": None, "error": "ü"},
    }
    assert settings.index_file.stat().st_ino == before, "nothing changed, so nothing is written"


REMEDY = "run `make archives`, which builds it again"


@pytest.mark.parametrize(
    ("file", "problem"),
    [
        ("B.mar", f"B.mar is missing in the model store; {REMEDY}"),
        ("B.mar.sha256", f"B.mar has no checksum file B.mar.sha256; {REMEDY}"),
    ],
)
def test_a_missing_file_sets_the_entrys_error(settings: Settings, file: str, problem: str) -> None:
    (settings.model_store / file).unlink()
    assert verify_checksums(settings) == {"A": None, "B": problem}
    assert verified_index(settings, ["A"]) == {"A": {"archive": "A.mar", "error": None}}
    assert read_index(settings.index_file)["B"] == {"archive": "B.mar", "error": problem, "refused_by": "verification"}


def test_a_damaged_archive_is_told_from_one_with_an_empty_checksum_file(settings: Settings) -> None:
    (settings.model_store / "A.mar").write_bytes(b"other")
    (settings.model_store / "B.mar.sha256").write_text("\n")
    assert verify_checksums(settings) == {
        "A": f"A.mar is damaged: its SHA-256 is not the one in A.mar.sha256; {REMEDY}",
        "B": f"B.mar has no checksum file B.mar.sha256; {REMEDY}",
    }
