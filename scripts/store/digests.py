"""The record of digests: which SHA-256 a file had, for as long as its size, times and inode stay the same.

``digests.json`` in the model store has those of archives and checkpoints by their file names, so that a file is read
again only if it changed. The digest that an archive should have is in its ``.sha256`` file.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.files import sha256, signature, write_text

FILE = "digests.json"
# Hashing is limited by the processor; more threads would delay what else a start does.
THREADS = 2

Signature = tuple[int, ...]


def known_digest(store: Path, path: Path) -> str | None:
    """The file's SHA-256 if it is recorded; None if it is not, or the file has changed since."""
    return _known(_read(store), path)


def digest(store: Path, path: Path) -> str:
    """The file's SHA-256, read only if it is not recorded. Raises OSError if it cannot be read."""
    found = digests(store, [path])[path]
    if found is None:
        found = sha256(path)  # says why it cannot be read
    return found


def digests(store: Path, paths: Iterable[Path]) -> dict[Path, str | None]:
    """The same of several files, some at a time; None for one that cannot be read."""
    recorded, paths = _read(store), list(paths)
    known = {path: _known(recorded, path) for path in paths}
    unknown = [path for path in paths if known[path] is None]
    with ThreadPoolExecutor(THREADS) as threads:
        hashed = dict(zip(unknown, threads.map(_hashed, unknown), strict=True))
    remember(store, {path.name: found for path, found in hashed.items() if found})
    return {path: known[path] or (hashed[path] or (None, None))[1] for path in paths}


def remember(store: Path, entries: Mapping[str, tuple[Signature, str]]) -> None:
    """Record the signature and the digest of files that were read elsewhere, unless the store cannot be written."""
    added = {name: {"signature": list(found), "sha256": value} for name, (found, value) in entries.items()}
    if added:
        with contextlib.suppress(OSError):
            write_text(store / FILE, json.dumps(_read(store) | added, indent=2) + "\n")


def _hashed(path: Path) -> tuple[Signature, str] | None:
    try:
        return signature(path), sha256(path)
    except OSError:
        return None


def _known(recorded: Mapping[str, Any], path: Path) -> str | None:
    try:
        entry = recorded[path.name]
        return str(entry["sha256"]) if entry["signature"] == list(signature(path)) else None
    except (OSError, KeyError, TypeError):
        return None


def _read(store: Path) -> dict[str, Any]:
    try:
        content = json.loads((store / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
