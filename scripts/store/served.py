"""Which versions have served: ``served.jsonl`` in the model store, a line for each content of a version.

A version that clients may have seen means one content for ever: the build gives what changed another version, and a
start does not take other content for it. Stand-ins are not noted; they give way to anything.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scripts.store.unpacking import archive_digest

FILE = "served.jsonl"


def note_registered(store: Path, archive_name: str, version: str, folder: Path) -> None:
    """Note what is registered from ``folder``, into which its archive was unpacked, unless it is a stand-in."""
    with contextlib.suppress(OSError, ValueError, AttributeError):  # an archive made elsewhere may say nothing
        if json.loads((folder / "model.json").read_text(encoding="utf-8")).get("stand_in"):
            return
    if sha256 := archive_digest(folder):
        note(store, archive_name, version, sha256)


def note(store: Path, archive_name: str, version: str, sha256: str) -> None:
    """Note that a version has served with this content; a model store that cannot be written is left alone."""
    if sha256 in contents(store, archive_name, version):
        return
    line = json.dumps({"model": archive_name, "version": version, "sha256": sha256}) + "\n"
    with contextlib.suppress(OSError):
        file = os.open(store / FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            os.write(file, line.encode())  # one write: several stacks may share the store
        finally:
            os.close(file)


def versions(store: Path, archive_name: str) -> set[str]:
    """The versions of a model that have served."""
    return {version for name, version, _ in _lines(store) if name == archive_name}


def contents(store: Path, archive_name: str, version: str) -> set[str]:
    """The SHA-256 of the archives with which a version has served; empty if it has not.

    There are several if an archive was damaged and made again from the same checkpoint.
    """
    return {sha256 for name, found, sha256 in _lines(store) if (name, found) == (archive_name, version)}


def _lines(store: Path) -> Iterator[tuple[str, str, str]]:
    try:
        lines = (store / FILE).read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for line in lines:
        with contextlib.suppress(ValueError, KeyError, TypeError):  # half a line, after a power failure
            fields: dict[str, Any] = json.loads(line)
            yield str(fields["model"]), str(fields["version"]), str(fields["sha256"])
