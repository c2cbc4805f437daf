"""Verify the archives' checksums before they are served, without hashing again what did not change."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.files import sha256, signature, write_text
from scripts.settings import Settings
from scripts.store.index import IndexEntry, read_index, write_index
from scripts.store.records import checksum_file

_REMEDY = "run `make archives`, which builds it again"


def verify_checksums(settings: Settings) -> dict[str, str | None]:
    """Compare every archive of the index with its ``.sha256`` file, two at a time.

    Returns the contract names, each with None or a sentence that says what is wrong. Digests are remembered in
    ``verified.json`` in the run directory for as long as a file's size, times and inode stay the same.
    """
    archives = {
        name: settings.model_store / archive
        for name, entry in read_index(settings.index_file).items()
        if (archive := entry.get("archive"))
    }
    known = _remembered(settings)
    with ThreadPoolExecutor(2) as threads:
        digests = dict(zip(archives, threads.map(lambda path: _digest(path, known), archives.values()), strict=True))
    _remember(settings, {archives[name].name: digest for name, digest in digests.items() if digest})
    return {name: _problem(archives[name], digest) for name, digest in digests.items()}


def servable(settings: Settings, catalogue: dict[str, Model]) -> dict[str, IndexEntry]:
    """The index after the archives' checksums were verified; a wrong one sets the entry's error."""
    entries = read_index(settings.index_file)
    wrong = {name: error for name, error in verify_checksums(settings).items() if error}
    for name, error in wrong.items():
        entries[name]["error"] = error
    if wrong:
        write_index(settings.index_file, entries)
    return {name: entries[name] for name in catalogue if name in entries}


def archive_problem(settings: Settings, archive: Path) -> str | None:
    """Compare one archive with its ``.sha256`` file; a sentence that says what is wrong, or None."""
    digest = _digest(archive, _remembered(settings))
    if digest:
        _remember(settings, {archive.name: digest})
    return _problem(archive, digest)


def remember(settings: Settings, archive: Path, digest: str) -> None:
    """Note the digest of an archive that was hashed when it was built."""
    _remember(settings, {archive.name: {"signature": list(signature(archive)), "sha256": digest}})


def _digest(archive: Path, known: dict[str, Any]) -> dict[str, Any] | None:
    try:
        found = list(signature(archive))
        entry = known.get(archive.name)
        if entry and entry["signature"] == found:
            return dict(entry)
        return {"signature": found, "sha256": sha256(archive)}
    except OSError:
        return None


def _problem(archive: Path, digest: dict[str, Any] | None) -> str | None:
    if digest is None:
        return f"{archive.name} is missing in the model store; {_REMEDY}"
    try:
        expected = checksum_file(archive).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return f"{archive.name} has no checksum file {archive.name}.sha256; {_REMEDY}"
    if digest["sha256"] != expected:
        return f"{archive.name} is damaged: its SHA-256 is not the one in {archive.name}.sha256; {_REMEDY}"
    return None


def _remembered(settings: Settings) -> dict[str, Any]:
    try:
        content = json.loads(_file(settings).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _remember(settings: Settings, entries: dict[str, Any]) -> None:
    known = _remembered(settings)
    if entries.items() <= known.items():
        return
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    write_text(_file(settings), json.dumps(known | entries, indent=2) + "\n")


def _file(settings: Settings) -> Path:
    return settings.run_dir / "verified.json"
