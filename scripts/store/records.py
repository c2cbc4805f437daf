"""The model store: archives, what is known of each, and the index of what may be served.

Beside ``X.mar`` lie ``X.mar.sha256`` (as ``sha256sum`` writes it) and ``X.build.json`` (a Record).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.files import exclusive, sha256, signature, write_text
from scripts.store.index import IndexEntry

_WORK = ".building-"
_STAYS = "; the archive built before stays in service"


@dataclass(frozen=True)
class Record:
    """What an archive was made from: ``archives.inputs``, and the files as ``files.signature`` saw them."""

    inputs: dict[str, Any]
    stand_in: bool
    sha256: str
    archive_signature: tuple[int, ...]
    checkpoint_signature: tuple[int, ...]

    @property
    def version(self) -> str:
        """The archive's version, as TorchServe shows it."""
        return str(self.inputs["version"])


def read_record(store: Path, model: Model) -> Record | None:
    """What is known of the model's archive; None if there is no archive or its record cannot be read."""
    if not (store / model.archive_file).is_file():
        return None
    try:
        fields = json.loads(_record_file(store, model).read_text(encoding="utf-8"))
        fields["archive_signature"] = tuple(fields["archive_signature"])
        fields["checkpoint_signature"] = tuple(fields["checkpoint_signature"])
        return Record(**fields)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(store: Path, model: Model, record: Record) -> None:
    """Replace the record of the model's archive."""
    write_text(_record_file(store, model), json.dumps(asdict(record), indent=2) + "\n")


def archive_intact(store: Path, model: Model, record: Record) -> bool:
    """Whether the archive and its checksum file are what the record says; hashes only what changed on disk."""
    archive = store / model.archive_file
    try:
        if checksum_file(archive).read_text(encoding="utf-8").split()[0] != record.sha256:
            return False
        found = signature(archive)
        if found != record.archive_signature:
            if sha256(archive) != record.sha256:
                return False
            write_record(store, model, replace(record, archive_signature=found))
    except (OSError, IndexError):
        return False
    return True


def place(store: Path, model: Model, packed: Path, record: Record) -> None:
    """Move a checked archive into the store, with its checksum and record, in place of the old one.

    The old one is kept under its version's name if it is of another version, for a rollback; but not a stand-in
    that an archive of a real checkpoint replaces.
    """
    archive = store / model.archive_file
    old = read_record(store, model)
    if old and old.version != record.version and record.stand_in >= old.stand_in:
        _keep(archive, archive.with_name(f"{model.archive_name}-{old.version}.mar"), old.sha256)
    packed.replace(archive)
    write_text(checksum_file(archive), f"{record.sha256}  {archive.name}\n")
    write_record(store, model, replace(record, archive_signature=signature(archive)))


def checksum_file(archive: Path) -> Path:
    """The file beside the archive with its SHA-256."""
    return archive.with_name(f"{archive.name}.sha256")


def index_entry(model: Model, record: Record | None, error: str | None) -> IndexEntry:
    """Decide whether the archive on disk may be served although ``error`` kept it from being built anew.

    An archive of a real checkpoint stays in service, with a warning. One of a stand-in does not, nor one made
    for another catalogue entry.
    """
    if record is None:
        error = error or f"{model.archive_file} is not built yet; run `make archives`"
    elif error and (record.stand_in or record.inputs["catalogue entry"] != model.to_json()):
        record = None
    if record is None:
        return {"archive": None, "stand_in": False, "error": error}
    entry: IndexEntry = {
        "archive": model.archive_file,
        "version": record.version,
        "stand_in": record.stand_in,
        "runtime": record.inputs["runtime"],
        "precision": "f32",
        "sha256": record.sha256,
        "error": None,
    }
    if error:
        entry["warning"] = f"{error}{_STAYS}"
    return entry


def trouble(entry: IndexEntry) -> str | None:
    """The error behind an index entry, be it served all the same or not."""
    return entry.get("error") or entry.get("warning", "").removesuffix(_STAYS) or None


@contextmanager
def locked(store: Path, waiting: Callable[[str], None]) -> Iterator[Path]:
    """Hold the store's lock; yields an empty folder for the work, removed at the end.

    ``waiting`` gets a sentence before this waits for another build.
    """
    store.mkdir(parents=True, exist_ok=True)
    with exclusive(store, waiting):
        for leftover in store.glob(f"{_WORK}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        work = store / f"{_WORK}{os.getpid()}"
        work.mkdir()
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _record_file(store: Path, model: Model) -> Path:
    return store / f"{model.archive_name}.build.json"


def _keep(archive: Path, kept: Path, digest: str) -> None:
    """Give an archive a second name; a link, so that it takes no space."""
    kept.unlink(missing_ok=True)
    try:
        os.link(archive, kept)
    except OSError:
        shutil.copyfile(archive, kept)
    write_text(checksum_file(kept), f"{digest}  {kept.name}\n")
