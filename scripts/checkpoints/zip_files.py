"""Zip files, as torch writes them: what one holds, and whether it is as it was written; needs no torch."""

from __future__ import annotations

import zipfile
from pathlib import Path

START = b"PK\x03\x04"

_BLOCK = 1 << 20


def names(path: Path) -> list[str] | None:
    """The names of the zip file's records; None if its end, where they are listed, is missing or broken."""
    try:
        with zipfile.ZipFile(path) as contents:
            return contents.namelist()
    except Exception:  # zipfile raises whatever a broken file leads it to
        return None


def is_stored(path: Path) -> bool:
    """Whether the file is a zip file whose records lie in it as they are, without compression."""
    try:
        with zipfile.ZipFile(path) as contents:
            return all(item.compress_type == zipfile.ZIP_STORED for item in contents.infolist())
    except Exception:  # zipfile raises whatever a broken file leads it to
        return False


def damaged_record(path: Path) -> str | None:
    """The first record whose bytes do not have the CRC-32 that the zip file says; None if all are as written.

    torch itself looks at no CRC. A zero means that none was computed (``torch.serialization.set_crc32_options``).
    Half a second for VGG19.
    """
    with zipfile.ZipFile(path) as contents:
        for item in contents.infolist():
            if item.CRC == 0:
                continue
            try:
                with contents.open(item) as record:
                    while record.read(_BLOCK):
                        pass
            except Exception:  # zipfile raises whatever a broken file leads it to
                return item.filename
    return None


def record_start(path: Path, name: str, size: int) -> bytes:
    """The first bytes of the record with this name, in whatever folder of a zip file; empty if there is none."""
    try:
        with zipfile.ZipFile(path) as contents:
            found = next(item for item in contents.infolist() if item.filename.rpartition("/")[2] == name)
            with contents.open(found) as record:
                return record.read(size)
    except Exception:  # zipfile raises whatever a broken file leads it to
        return b""
