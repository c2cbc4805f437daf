"""What is read of TorchServe's snapshots, and what is written in their form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.settings import load_settings
from scripts.store.archive import Archive
from scripts.torchserve.snapshot import default_version, entry, is_snapshot, read_written, written_files

SAVED = {"minWorkers": 1, "marName": "X.mar", "defaultVersion": True}


def archive(**configuration: Any) -> Archive:
    return Archive(Path("/store/X.mar"), "X", "1", configuration, {})


def test_a_version_is_described_with_torchserves_defaults() -> None:
    assert entry(archive(), 0) == {
        "batchSize": 1,
        "maxBatchDelay": 100,
        "responseTimeout": 120,
        "startupTimeout": 120,
        "defaultVersion": True,
        "marName": "X.mar",
        "minWorkers": 0,
        "maxWorkers": 1,
    }


def test_the_archive_decides_then_what_was_saved() -> None:
    saved = {"batchSize": 3, "maxBatchDelay": 5}
    described = entry(archive(batchSize=8), 2, default=False, saved=saved)
    wanted = {"batchSize": 8, "maxBatchDelay": 5, "responseTimeout": 120, "minWorkers": 2, "maxWorkers": 2}
    assert wanted.items() <= described.items()
    assert described["defaultVersion"] is False


def test_the_default_version_is_the_marked_one_else_the_first() -> None:
    one, other = {**SAVED, "defaultVersion": False}, {**SAVED, "defaultVersion": True}
    assert default_version({"1": one, "2": other}) == "2"
    assert default_version({"1": one, "2": one}) == "1"


def test_snapshots_are_listed_the_oldest_first(tmp_path: Path) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path)})
    assert written_files(settings) == []
    folder = settings.log_dir / "config"
    folder.mkdir(parents=True)
    for name in ("3.cfg", "1.cfg", "2.cfg", "0.txt"):
        (folder / name).touch()
    assert [path.name for path in written_files(settings)] == ["1.cfg", "2.cfg", "3.cfg"]


def test_the_escapes_of_java_are_undone(tmp_path: Path) -> None:
    path = tmp_path / "1.cfg"
    model = r'{"minWorkers"\: 1, "marName"\: "\u00fC\u4e2d\u0041\!.mar", "defaultVersion"\: true}'
    path.write_text(f'#c\nother=1\nmodel_snapshot={{\\n\\t\\r\\f"models"\\: {{"X"\\={{"1"\\: {model}}}}}}}\nlast=2\n')
    assert read_written(path) is None, "an escaped = is no colon"
    path.write_text(path.read_text().replace('"X"\\=', '"X"\\:').replace("\\f", ""))
    assert read_written(path) == {"X": {"1": {**SAVED, "marName": "ü中A!.mar"}}}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model_snapshot=",
        "model_snapshot=[]",
        "model_snapshot={}",
        "model_snapshot=null",
        'model_snapshot={"models": 1}',
    ],
)
def test_a_damaged_file_holds_no_models(tmp_path: Path, text: str) -> None:
    (tmp_path / "1.cfg").write_text(text)
    assert read_written(tmp_path / "1.cfg") is None


def test_a_file_that_is_gone_holds_no_models(tmp_path: Path) -> None:
    assert read_written(tmp_path / "1.cfg") is None


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        ({}, True),
        ({"X": {"1": SAVED}}, True),
        ({"X": {"1": SAVED, "2": SAVED}, "Y": {"1": SAVED}}, True),
        ({"X": {}}, False),
        ({"X": {"1": SAVED}, "Y": {}}, False),
        ({"X": {"1": {**SAVED, "minWorkers": "1"}}}, False),
        ({"X": {"1": {**SAVED, "marName": 1}}}, False),
        ({"X": {"1": {**SAVED, "defaultVersion": 1}}}, False),
        ({"X": {"1": SAVED, "2": {}}}, False),
        ({"X": {"1": None}}, False),
        ({"X": [1]}, False),
        ([], False),
        (None, False),
    ],
)
def test_only_the_form_of_a_snapshot_is_taken(models: Any, expected: bool) -> None:
    assert is_snapshot(models) is expected
