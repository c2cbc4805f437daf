"""An archive that is changed through a shared map, which leaves no trace in the file's times, while it is verified."""

from __future__ import annotations

import json
import mmap
import os
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.files import sha256, signature
from scripts.settings import Settings, load_settings
from scripts.store import unpacking
from scripts.store.archive import Archive, ArchiveError, check_archive, read_archive, require_checksum
from scripts.store.signatures import signature_file
from scripts.store.unpacking import archive_digest, unpack, unpack_all
from tests.support.disk import files_up_to
from tests.support.signing import KeyPair
from tests.support.sites import write_checksum

MANIFEST = {"model": {"modelName": "A", "modelVersion": "1.0", "handler": "h.py"}}
TOLD = "A.mar is not what was signed: its SHA-256 is not the one in A.mar.sig; copy both files here again"


class Mapped:
    """A signed archive, ``file``, whose pages are in the hands of somebody who can put another in its place."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._other = write(file.with_name("other.zip"), "others!").read_bytes()
        with file.open("r+b") as opened:
            self._pages = mmap.mmap(opened.fileno(), 0)
        self._pages[:] = self._pages[:]  # from here on the file's times stay

    def exchange(self) -> None:
        before = signature(self.file)
        self._pages[:] = self._other
        assert signature(self.file) == before
        with zipfile.ZipFile(self.file) as contents:
            assert contents.read("weights") == b"others!"

    def close(self) -> None:
        self._pages.close()


def write(path: Path, weights: str) -> Path:
    with zipfile.ZipFile(path, "w") as contents:
        contents.writestr("MAR-INF/MANIFEST.json", json.dumps(MANIFEST))
        contents.writestr("weights", weights)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "run").mkdir()
    keys = KeyPair(tmp_path / "keys")
    archive = write(tmp_path / "A.mar", "weights")
    write_checksum(archive)
    keys.sign_here(archive)
    return load_settings(
        {"MODEL_STORE": str(tmp_path), "RUN_DIR": str(tmp_path / "run"), "VERIFY_KEYS": str(keys.public)}
    )


@pytest.fixture
def mapped(settings: Settings) -> Iterator[Mapped]:
    found = Mapped(settings.model_store / "A.mar")
    yield found
    found.close()


@pytest.mark.parametrize("check", [check_archive, require_checksum])
def test_a_digest_that_is_remembered_of_it_deceives_nobody(settings: Settings, mapped: Mapped, check: Any) -> None:
    archive: Archive = read_archive(mapped.file)
    check(settings, archive)
    mapped.exchange()
    write_checksum(mapped.file)
    with pytest.raises(ArchiveError, match=re.escape(TOLD)):
        check(settings, archive)


def test_it_is_not_unpacked(settings: Settings, mapped: Mapped) -> None:
    mapped.exchange()
    with pytest.raises(ArchiveError, match=f"^{re.escape(TOLD)}$"):
        unpack(settings, mapped.file)
    assert not (settings.run_dir / "unpacked").exists()


def test_what_is_unpacked_is_what_was_verified(
    settings: Settings, mapped: Mapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract = zipfile.ZipFile.extractall

    def exchange_before(contents: zipfile.ZipFile, folder: Path) -> None:
        mapped.exchange()
        extract(contents, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", exchange_before)
    folder = unpack(settings, mapped.file)
    assert (folder / "weights").read_text() == "weights"
    assert archive_digest(folder) not in (None, sha256(mapped.file))


def test_what_was_unpacked_before_serves_on_and_nothing_is_copied_again(
    settings: Settings, mapped: Mapped, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = unpack(settings, mapped.file)
    monkeypatch.setattr(unpacking, "verified_copy", None)
    mapped.exchange()
    assert unpack_all(settings, [mapped.file]) == {mapped.file: folder}
    assert (folder / "weights").read_text() == "weights"
    assert [path.name for path in settings.run_dir.iterdir()] == ["unpacked"]


def test_two_names_of_one_content_have_a_folder_each(settings: Settings) -> None:
    archive = settings.model_store / "A.mar"
    kept = archive.with_name("A-1.0.mar")
    for file in (archive, signature_file(archive)):
        os.link(file, signature_file(kept) if file.suffix == ".sig" else kept)
    folders = [unpack(settings, file) for file in (archive, kept)]
    assert [(folder / "weights").read_text() for folder in folders] == ["weights", "weights"]


def test_a_disk_without_room_for_the_copy_is_named(settings: Settings) -> None:
    archive = settings.model_store / "A.mar"
    told = (
        f"A.mar cannot be verified, since a copy of it ({archive.stat().st_size} bytes) in RUN_DIR {settings.run_dir} "
        "cannot be written (File too large); check its rights and the free space on its disk, or set RUN_DIR to "
        "another folder"
    )
    with files_up_to(100), pytest.raises(ArchiveError, match=f"^{re.escape(told)}$"):
        unpack(settings, archive)
    assert not list(settings.run_dir.iterdir())
