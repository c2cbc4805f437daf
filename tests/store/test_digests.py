"""The record of digests: a file is read again only when it changed."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from scripts.files import signature
from scripts.store import digests

ABC = hashlib.sha256(b"abc").hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "X.mar"
    path.write_bytes(b"abc")
    return path


def recorded(store: Path) -> object:
    return json.loads((store / "digests.json").read_text())


def test_a_digest_is_noted_with_the_files_signature_and_then_known(tmp_path: Path, file: Path) -> None:
    assert digests.known_digest(tmp_path, file) is None
    assert digests.digest(tmp_path, file) == ABC
    assert recorded(tmp_path) == {"X.mar": {"signature": list(signature(file)), "sha256": ABC}}
    assert digests.known_digest(tmp_path, file) == ABC


def test_a_known_file_is_not_read_again(tmp_path: Path, file: Path) -> None:
    digests.remember(tmp_path, {"X.mar": (signature(file), "noted")})
    assert digests.digest(tmp_path, file) == "noted"
    assert digests.digests(tmp_path, [file]) == {file: "noted"}


def test_a_changed_file_is_read_again(tmp_path: Path, file: Path) -> None:
    digests.digest(tmp_path, file)
    file.write_bytes(b"abcd")
    assert digests.known_digest(tmp_path, file) is None
    assert digests.digest(tmp_path, file) == hashlib.sha256(b"abcd").hexdigest()


def test_several_files_are_read_and_those_that_cannot_be_are_none(tmp_path: Path, file: Path) -> None:
    other, missing = tmp_path / "Y.mar", tmp_path / "Z.mar"
    other.write_bytes(b"")
    digests.digest(tmp_path, file)
    empty = hashlib.sha256(b"").hexdigest()
    assert digests.digests(tmp_path, iter([file, missing, other])) == {file: ABC, missing: None, other: empty}
    noted = recorded(tmp_path)
    assert isinstance(noted, dict)
    assert sorted(noted) == ["X.mar", "Y.mar"]


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"X\.mar"):
        digests.digest(tmp_path, tmp_path / "X.mar")


def test_a_store_that_cannot_be_written_costs_only_the_memory(tmp_path: Path, file: Path) -> None:
    (tmp_path / "digests.json").mkdir()
    assert digests.digest(tmp_path, file) == ABC


def test_without_entries_nothing_is_written(tmp_path: Path) -> None:
    digests.remember(tmp_path, {})
    assert not (tmp_path / "digests.json").exists()


@pytest.mark.parametrize("content", ["", "[]", "{", '{"X.mar": 1}', '{"X.mar": {"sha256": "a"}}', '{"X.mar": null}'])
def test_a_damaged_ledger_counts_as_none(tmp_path: Path, file: Path, content: str) -> None:
    (tmp_path / "digests.json").write_text(content)
    assert digests.known_digest(tmp_path, file) is None
    assert digests.digest(tmp_path, file) == ABC
    assert digests.known_digest(tmp_path, file) == ABC
    assert (tmp_path / "digests.json").read_text().endswith("\n}\n")
    assert '\n  "X.mar": {' in (tmp_path / "digests.json").read_text()
