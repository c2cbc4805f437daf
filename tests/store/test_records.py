"""How an archive comes into the model store, and what stays of the one before."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from scripts.catalogue import Model
from scripts.store.digests import known_digest
from scripts.store.records import Record, archive_intact, locked, place, read_record, write_record

MODEL = Model("A+1", "VGG19", "A", ("x", "y"))


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def put(store: Path, version: str, *, stand_in: bool = False, content: bytes | None = None) -> Record:
    """Place an archive of this version; its bytes are the version's name."""
    content = version.encode() if content is None else content
    packed = store / "packed"
    packed.write_bytes(content)
    record = Record({"version": version}, stand_in, digest_of(content))
    place(store, MODEL, packed, record)
    return record


def names(store: Path) -> list[str]:
    return sorted(os.listdir(store))


FIRST = ["Aplus1.build.json", "Aplus1.mar", "Aplus1.mar.sha256", "digests.json"]


def test_an_archive_lies_in_the_store_with_its_checksum_and_its_record(tmp_path: Path) -> None:
    record = put(tmp_path, "1.0")
    assert names(tmp_path) == FIRST
    assert (tmp_path / "Aplus1.mar.sha256").read_text() == f"{digest_of(b'1.0')}  Aplus1.mar\n"
    written = (tmp_path / "Aplus1.build.json").read_text()
    fields = {"inputs": {"version": "1.0"}, "stand_in": False, "sha256": digest_of(b"1.0"), "proof": None}
    assert written == json.dumps(fields, indent=2) + "\n"
    assert read_record(tmp_path, MODEL) == record
    assert known_digest(tmp_path, tmp_path / "Aplus1.mar") == digest_of(b"1.0")
    assert record.version == "1.0"
    assert Record({"version": 2}, False, "").version == "2"


def test_the_version_before_is_kept_under_its_name(tmp_path: Path) -> None:
    put(tmp_path, "1.0")
    put(tmp_path, "1.1")
    assert names(tmp_path) == sorted([*FIRST, "Aplus1-1.0.mar", "Aplus1-1.0.mar.sha256"])
    assert (tmp_path / "Aplus1-1.0.mar").read_bytes() == b"1.0"
    assert (tmp_path / "Aplus1-1.0.mar.sha256").read_text() == f"{digest_of(b'1.0')}  Aplus1-1.0.mar\n"
    assert (tmp_path / "Aplus1.mar").read_bytes() == b"1.1"


def test_where_a_file_can_have_one_name_only_the_version_before_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    put(tmp_path, "1.0")
    monkeypatch.setattr(os, "link", refuse)
    put(tmp_path, "1.1")
    assert (tmp_path / "Aplus1-1.0.mar").read_bytes() == b"1.0"


def test_a_kept_version_gives_way_to_a_later_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "Aplus1-1.0.mar").write_bytes(b"of long ago")
    put(tmp_path, "1.0")
    put(tmp_path, "1.1")
    assert (tmp_path / "Aplus1-1.0.mar").read_bytes() == b"1.0"


def test_the_same_version_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    put(tmp_path, "1.0")
    put(tmp_path, "1.0", content=b"again")
    assert names(tmp_path) == FIRST
    assert (tmp_path / "Aplus1.mar").read_bytes() == b"again"


@pytest.mark.parametrize(
    ("old", "new", "kept"), [(True, False, False), (True, True, True), (False, True, True), (False, False, True)]
)
def test_a_stand_in_is_not_kept_beside_a_real_one(tmp_path: Path, old: bool, new: bool, kept: bool) -> None:
    put(tmp_path, "1.0", stand_in=old)
    put(tmp_path, "1.1", stand_in=new)
    assert ("Aplus1-1.0.mar" in names(tmp_path)) == kept


@pytest.mark.parametrize("content", ["", "[]", "null", "{}", '{"inputs": {}, "stand_in": true}'])
def test_a_record_that_cannot_be_read_counts_as_none(tmp_path: Path, content: str) -> None:
    put(tmp_path, "1.0")
    (tmp_path / "Aplus1.build.json").write_text(content)
    assert read_record(tmp_path, MODEL) is None


def test_there_is_no_record_without_an_archive(tmp_path: Path) -> None:
    write_record(tmp_path, MODEL, Record({"version": "1"}, False, ""))
    assert read_record(tmp_path, MODEL) is None


def test_an_archive_is_intact_while_checksum_record_and_content_agree(tmp_path: Path) -> None:
    record = put(tmp_path, "1.0")
    assert archive_intact(tmp_path, MODEL, record)
    assert not archive_intact(tmp_path, MODEL, Record({}, False, "other"))
    checksum = tmp_path / "Aplus1.mar.sha256"
    checksum.write_text(f"{digest_of(b'other')}  Aplus1.mar\n")
    assert not archive_intact(tmp_path, MODEL, record)
    checksum.write_text(f"{record.sha256}  Aplus1.mar\n")
    (tmp_path / "Aplus1.mar").write_bytes(b"damaged")
    assert not archive_intact(tmp_path, MODEL, record)
    (tmp_path / "Aplus1.mar").unlink()
    assert not archive_intact(tmp_path, MODEL, record)


def test_work_is_done_in_an_empty_folder_that_goes_with_the_lock(tmp_path: Path) -> None:
    store = tmp_path / "new" / "store"
    told: list[str] = []
    for _ in range(2):
        with locked(store, told.append) as work:
            assert work == store / f".building-{os.getpid()}"
            assert list(work.iterdir()) == []
            (work / "half").touch()
            leftover = store / ".building-1"
            leftover.mkdir()
            (leftover / "file").touch()
        assert names(store) == [".building-1", ".lock"]
    assert told == []


def test_the_folder_goes_also_when_the_work_fails(tmp_path: Path) -> None:
    def fail() -> None:
        with locked(tmp_path, print) as work:
            (work / "half").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == [".lock"]
