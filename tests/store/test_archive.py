"""What an archive says of itself, which file holds a version, and what is wrong with one that cannot be served."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.settings import Settings, load_settings
from scripts.store.archive import (
    Archive,
    ArchiveError,
    check_archive,
    find_version,
    kept_file,
    read_archive,
    registered_labels,
    require_checksum,
    store_path,
)

MANIFEST = {"modelName": "X", "modelVersion": 1.5, "handler": "h.py", "configFile": "c.yaml"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"MODEL_STORE": str(tmp_path)})


def write(path: Path, manifest: Any = None, **files: str) -> Path:
    with zipfile.ZipFile(path, "w") as contents:
        contents.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": MANIFEST if manifest is None else manifest}))
        for name, text in {"c.yaml": "batchSize: 8\n", **files}.items():
            contents.writestr(name, text)
    return path


def of_version(path: Path, version: str) -> Path:
    return write(path, {**MANIFEST, "modelVersion": version})


def message(path: Path) -> str:
    with pytest.raises(ArchiveError) as caught:
        read_archive(path)
    return str(caught.value)


def test_an_archive_says_its_name_version_configuration_and_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "file.mar", **{"model.json": '{"emotions": ["x", "y"]}'})
    archive = read_archive(path)
    assert archive == Archive(path, "X", "1.5", {"batchSize": 8}, {"emotions": ["x", "y"]})
    assert archive.labels == ["x", "y"]


def test_an_archive_of_others_may_say_nothing(tmp_path: Path) -> None:
    archive = read_archive(write(tmp_path / "a.mar", {"modelName": "X", "modelVersion": "1"}))
    assert (archive.configuration, archive.description, archive.labels) == ({}, {}, [])
    assert read_archive(write(tmp_path / "b.mar", **{"c.yaml": ""})).configuration == {}


@pytest.mark.parametrize(
    ("manifest", "files", "reason"),
    [
        ({"modelName": "X"}, {}, "'modelVersion'"),
        ({"modelVersion": "1"}, {}, "'modelName'"),
        ({**MANIFEST, "configFile": "d.yaml"}, {}, "\"There is no item named 'd.yaml' in the archive\""),
        ({**MANIFEST, "modelName": 7}, {}, "its modelName 7 is not made of letters, digits, dots, - and _"),
        ({**MANIFEST, "modelName": "../X"}, {}, "its modelName '../X' is not made of letters, digits, dots, - and _"),
        ({**MANIFEST, "modelVersion": ""}, {}, "its modelVersion '' is not made of letters, digits, dots, - and _"),
        ([], {}, "its manifest has [] for a model"),
        (MANIFEST, {"model.json": "[]"}, "its model.json has no list of labels: []"),
        (MANIFEST, {"model.json": '{"emotions": [1]}'}, "its model.json has no list of labels: {'emotions': [1]}"),
        (MANIFEST, {"model.json": "{"}, "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ],
)
def test_an_archive_torchserve_cannot_read_is_named_with_the_reason(
    tmp_path: Path, manifest: Any, files: dict[str, str], reason: str
) -> None:
    path = write(tmp_path / "X.mar", manifest, **files)
    assert message(path) == f"X.mar: TorchServe cannot read it ({reason}); build or copy it again"


@pytest.mark.parametrize("configuration", ["{", "1", "[1]", "a: !!timestamp x"])
def test_a_configuration_that_is_none_is_refused(tmp_path: Path, configuration: str) -> None:
    path = write(tmp_path / "X.mar", **{"c.yaml": configuration})
    assert message(path).startswith("X.mar: TorchServe cannot read it (")


def test_a_file_that_is_no_archive_or_gone_is_refused(tmp_path: Path) -> None:
    (tmp_path / "X.mar").write_text("text")
    assert message(tmp_path / "X.mar") == (
        "X.mar: TorchServe cannot read it (File is not a zip file); build or copy it again"
    )
    assert message(tmp_path / "Y.mar").startswith("Y.mar: TorchServe cannot read it ([Errno 2] No such file")


@pytest.mark.parametrize(
    ("field", "number", "reason"),
    [
        (6, 93, "zip file version 9.3"),
        (8, 1, "File 'MAR-INF/MANIFEST.json' is encrypted, password required for extraction"),
        (10, 99, "That compression method is not supported"),
    ],
)
def test_an_archive_that_python_cannot_unpack_is_refused(
    tmp_path: Path, settings: Settings, field: int, number: int, reason: str
) -> None:
    """In the directory's first entry: the version that is needed, the flags, the method."""
    path = write(tmp_path / "X.mar")
    whole, content = read_archive(path), bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + field] = number
    path.write_bytes(content)
    assert message(path) == f"X.mar: TorchServe cannot read it ({reason}); build or copy it again"
    with pytest.raises(ArchiveError, match=r"^X\.mar: is damaged \("):
        check_archive(settings, whole)


@pytest.mark.parametrize("name", ["a/X.mar", "../X.mar", "X.zip", ".X.mar", "X.mar/"])
def test_only_a_plain_name_in_the_store_is_taken(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        store_path(tmp_path, name)
    assert str(caught.value) == f"{name}: give the plain file name of a .mar archive in {tmp_path}"


def test_a_name_in_the_store_is_its_path(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as caught:
        store_path(tmp_path, "X.mar")
    assert str(caught.value) == f"X.mar: there is no such archive in {tmp_path}"
    (tmp_path / "X.mar").touch()
    assert store_path(tmp_path, "X.mar") == tmp_path / "X.mar"


@pytest.mark.parametrize("file", ["reg.mar", "X.mar", "X-2.0.mar"])
def test_a_version_is_found_wherever_it_lies_now(tmp_path: Path, file: str) -> None:
    for name in ("reg.mar", "X.mar", "X-2.0.mar"):
        of_version(tmp_path / name, "2.0" if name == file else "1.0")
    assert find_version(tmp_path, "X", "2.0", "/somewhere/reg").file == tmp_path / file
    assert find_version(tmp_path, "X", "2.0", "reg.mar").file == tmp_path / file


def test_a_version_no_file_holds_is_named(tmp_path: Path) -> None:
    of_version(tmp_path / "X.mar", "1.0")
    with pytest.raises(ArchiveError) as caught:
        find_version(tmp_path, "X", "2.0", "X.mar")
    assert str(caught.value) == f"X 2.0: no file in {tmp_path} holds version 2.0; copy it there again"


def test_a_damaged_file_does_not_hide_the_next_and_is_told_when_there_is_none(tmp_path: Path) -> None:
    (tmp_path / "X.mar").write_text("text")
    (tmp_path / "reg.mar").write_text("text")
    with pytest.raises(ArchiveError) as caught:
        find_version(tmp_path, "X", "2.0", "reg.mar")
    assert str(caught.value) == (
        "X 2.0: reg.mar: TorchServe cannot read it (File is not a zip file); build or copy it again"
    )
    of_version(tmp_path / kept_file("X", "2.0"), "2.0")
    assert find_version(tmp_path, "X", "2.0", "reg.mar").file == tmp_path / "X-2.0.mar"


def test_with_a_checksum_file_it_decides(tmp_path: Path, settings: Settings) -> None:
    archive = read_archive(write(tmp_path / "X.mar"))
    checksum = tmp_path / "X.mar.sha256"
    checksum.write_text(f"{hashlib.sha256(archive.file.read_bytes()).hexdigest()}  X.mar\n")
    check_archive(settings, archive)
    require_checksum(settings, archive)
    checksum.write_text(f"{'0' * 64}  X.mar\n")
    with pytest.raises(ArchiveError) as caught:
        check_archive(settings, archive)
    assert str(caught.value) == (
        "X.mar is damaged: its SHA-256 is not the one in X.mar.sha256; run `make archives`, which builds it again"
    )


def test_without_one_every_byte_is_read(tmp_path: Path, settings: Settings) -> None:
    archive = read_archive(write(tmp_path / "X.mar"))
    check_archive(settings, archive)
    with pytest.raises(ArchiveError, match=r"^X\.mar has no checksum file X\.mar\.sha256; run `make archives`"):
        require_checksum(settings, archive)
    archive.file.write_bytes(archive.file.read_bytes().replace(b"batchSize: 8", b"batchSize: 9"))
    with pytest.raises(ArchiveError) as caught:
        check_archive(settings, archive)
    assert str(caught.value) == "X.mar: c.yaml in it is damaged; copy it again"
    archive.file.write_bytes(b"")
    with pytest.raises(ArchiveError) as caught:
        check_archive(settings, archive)
    assert str(caught.value) == "X.mar: is damaged (File is not a zip file); copy it again"


def test_the_labels_of_a_registered_version_are_those_of_its_folder_then_of_its_archive(tmp_path: Path) -> None:
    write(tmp_path / "X.mar", **{"model.json": '{"emotions": ["x", "y"]}'})
    folder = tmp_path / "unpacked" / "X"
    assert registered_labels(tmp_path, "X", "1.5", str(folder)) == ["x", "y"]
    assert registered_labels(tmp_path, "X", "1.5", "X.mar") == ["x", "y"]
    assert registered_labels(tmp_path, "X", "1.6", "X.mar") == []
    folder.mkdir(parents=True)
    (folder / "model.json").write_text('{"emotions": ["z"]}')
    assert registered_labels(tmp_path, "X", "1.5", str(folder)) == ["z"]
    for broken in ("[]", '{"emotions": 1}', "[" * 100_000):
        (folder / "model.json").write_text(broken)
        assert registered_labels(tmp_path, "X", "1.5", str(folder)) == ["x", "y"]
