"""Which versions have served: ``served.jsonl``, a line for each content of a version.

It lies in the model store, which several stacks may share, and what could not be written there in the run directory.

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

from scripts.settings import Settings
from scripts.store.stand_ins import note_real
from scripts.store.unpacking import archive_digest


def note_registered(settings: Settings, archive_name: str, version: str, folder: Path) -> None:
    """Note what is registered from ``folder``, into which its archive was unpacked, unless it is a stand-in.

    After one that says it is none, stand-ins do not serve by themselves, wherever it was built.
    """
    with contextlib.suppress(OSError, ValueError, AttributeError):  # an archive made elsewhere may say nothing
        if json.loads((folder / "model.json").read_text(encoding="utf-8")).get("stand_in"):
            return
        note_real(settings)
    if sha256 := archive_digest(folder):
        note(settings, archive_name, version, sha256)


def note(settings: Settings, archive_name: str, version: str, sha256: str) -> None:
    """Note that a version has served with this content, unless no disk takes it."""
    if sha256 in contents(settings, archive_name, version):
        return
    line = json.dumps({"model": archive_name, "version": version, "sha256": sha256}) + "\n"
    for file in _files(settings):
        with contextlib.suppress(OSError):
            _append(file, line.encode())
            return


def versions(settings: Settings, archive_name: str) -> set[str]:
    """The versions of a model that have served."""
    return {version for name, version, _ in _lines(settings) if name == archive_name}


def contents(settings: Settings, archive_name: str, version: str) -> set[str]:
    """The SHA-256 of the archives with which a version has served; empty if it has not.

    There are several if an archive was damaged and made again from the same checkpoint.
    """
    return {sha256 for name, found, sha256 in _lines(settings) if (name, found) == (archive_name, version)}


def _files(settings: Settings) -> tuple[Path, Path]:
    return settings.model_store / settings.served_file.name, settings.served_file


def _append(path: Path, line: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    try:
        os.write(file, line)  # one write: several stacks may share the store
    finally:
        os.close(file)


def _lines(settings: Settings) -> Iterator[tuple[str, str, str]]:
    for file in _files(settings):
        with contextlib.suppress(OSError):
            for line in file.read_text(encoding="utf-8").splitlines():
                with contextlib.suppress(ValueError, KeyError, TypeError):  # half a line, after a power failure
                    fields: dict[str, Any] = json.loads(line)
                    yield str(fields["model"]), str(fields["version"]), str(fields["sha256"])
