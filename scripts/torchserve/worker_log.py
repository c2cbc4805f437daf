"""The logs' lines that belong to one model."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scripts.settings import Settings

_FILES = ("torchserve.log", "workers.log")
_ERROR = re.compile(r"(?:-stdout|-stderr)\S* +((?:\w+\.)*\w*(?:Error|Exception)\b.*)")
_TAIL_BYTES = 1 << 20


def log_files(settings: Settings) -> list[Path]:
    """The logs of TorchServe and of its workers, as far as they exist."""
    return [path for name in _FILES if (path := settings.log_dir / name).exists()]


def belongs_to(archive_name: str, version: str = "") -> Callable[[str], bool]:
    """A test for lines about a model, or about one version of it.

    TorchServe names a worker's threads ``W-9000-NAME_VERSION``, and quotes the name elsewhere.
    """
    name, of_version = re.escape(archive_name), re.escape(version) if version else r"[^\s\]]*"
    pattern = re.compile(rf"W-\d+-{name}_{of_version}(?=[-\s\]])|(?<![\w.-]){name}(?![\w.-])")
    return lambda line: pattern.search(line) is not None


def tail(path: Path, lines: int, wanted: Callable[[str], bool]) -> list[str]:
    """The last ``lines`` lines that are wanted, from the last megabyte of a log."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - _TAIL_BYTES))
        text = file.read().decode(errors="replace")
    return [line for line in text.splitlines() if wanted(line)][-lines:]


def last_error(settings: Settings, archive_name: str, version: str) -> str:
    """The last exception a worker of a version printed, or where to look."""
    path = settings.log_dir / "workers.log"
    if path.exists():
        for line in reversed(tail(path, 400, belongs_to(archive_name, version))):
            if found := _ERROR.search(line):
                return found[1]
    return f"see {path}"
