"""What is unpacked of archives, kept between starts, and removed."""

from __future__ import annotations

import errno
import zipfile
from pathlib import Path

import pytest

from scripts.settings import Settings, load_settings
from scripts.store.archive import ArchiveError
from scripts.store.unpacking import discard, unpack, unpack_all
from tests.support.disk import files_up_to


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"RUN_DIR": str(tmp_path / "run")})


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path / "A.mar", "first")


def write(path: Path, weights: str) -> Path:
    path.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w") as contents:
        contents.writestr("MAR-INF/MANIFEST.json", "{}")
        contents.writestr("weights", weights)
    return path


def test_an_archive_is_unpacked_once(settings: Settings, archive: Path) -> None:
    folder = unpack(settings, archive)
    assert folder.name == "A"
    assert (folder / "weights").read_text() == "first"
    assert (folder / "MAR-INF" / "MANIFEST.json").read_text() == "{}"
    before = (folder / "weights").stat()
    assert unpack(settings, archive) == folder
    assert (folder / "weights").stat() == before


def test_a_changed_archive_is_unpacked_anew(settings: Settings, archive: Path) -> None:
    old = unpack(settings, archive)
    new = unpack(settings, write(archive, "other"))
    assert new != old
    assert (new / "weights").read_text() == "other"


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_what_a_power_failure_left_is_unpacked_again(settings: Settings, archive: Path, damage: str) -> None:
    weights = unpack(settings, archive) / "weights"
    if damage == "cut":
        weights.write_text("")
    else:
        weights.unlink()
    assert (unpack(settings, archive) / "weights").read_text() == "first"


def test_what_does_not_fit_leaves_nothing_behind(settings: Settings, archive: Path) -> None:
    write(archive, "w" * 5000)
    with files_up_to(4096), pytest.raises(ArchiveError, match=r"A\.mar: cannot be unpacked into .*too large"):
        unpack(settings, archive)
    assert not [path for path in settings.run_dir.rglob("*") if path.is_file()]
    assert (unpack(settings, archive) / "weights").read_text() == "w" * 5000


def test_a_full_disk_is_named(settings: Settings, archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(self: zipfile.ZipFile, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "extractall", no_room)
    with pytest.raises(ArchiveError, match="the disk is full; free some space"):
        unpack(settings, archive)


def test_a_start_keeps_only_what_it_needs(settings: Settings, archive: Path) -> None:
    old = unpack(settings, archive)
    other = write(archive.with_name("B.mar"), "b")
    write(archive, "other")
    folders = unpack_all(settings, [archive, other])
    assert [isinstance(folder, Path) and folder.exists() for folder in folders.values()] == [True, True]
    assert not old.exists()


def test_an_archive_that_cannot_be_unpacked_keeps_no_other_from_it(settings: Settings, archive: Path) -> None:
    damaged = archive.with_name("B.mar")
    damaged.write_bytes(archive.read_bytes().replace(b"first", b"fir5t"))
    folders = unpack_all(settings, [damaged, archive, archive.with_name("C.mar")])
    errors = {path.name: str(error) for path, error in folders.items() if isinstance(error, ArchiveError)}
    assert errors.keys() == {"B.mar", "C.mar"}
    assert "B.mar: cannot be unpacked into" in errors["B.mar"]
    assert "Bad CRC-32" in errors["B.mar"]
    assert (unpack(settings, archive) / "weights").read_text() == "first"


@pytest.mark.parametrize(("field", "number"), [(6, 93), (8, 1), (10, 99), (10, 14)])
def test_an_archive_that_python_cannot_unpack_is_refused(
    settings: Settings, archive: Path, field: int, number: int
) -> None:
    """In the directory's last entry: the version that is needed, the flags, methods that are unknown or not used."""
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"PK\1\2") + field] = number
    archive.write_bytes(content)
    with pytest.raises(ArchiveError, match=r"^A\.mar: cannot be unpacked into "):
        unpack(settings, archive)


def test_names_that_lead_elsewhere_are_unpacked_inside_the_folder(settings: Settings, archive: Path) -> None:
    with zipfile.ZipFile(archive, "a") as contents:
        contents.writestr("../../../outside", "data")
        contents.writestr("/absolute", "data")
    folder = unpack(settings, archive)
    assert {path.name for path in folder.iterdir()} == {"MAR-INF", "weights", "outside", "absolute"}
    assert {path.name for path in archive.parent.iterdir()} == {"A.mar", "digests.json", "run"}


def test_only_what_was_unpacked_here_is_discarded(settings: Settings, archive: Path) -> None:
    folder = unpack(settings, archive)
    for elsewhere in (archive.parent, archive):
        discard(settings, str(elsewhere))
        assert elsewhere.exists()
    discard(settings, str(folder))
    assert not folder.exists()
