"""The archives of the model store and what each was made from.

Beside ``X.mar`` lie ``X.mar.sha256`` (as ``sha256sum`` writes it), ``X.build.json`` (a Record), and ``X.mar.sig`` if it
is signed (``archives.signing``).
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.files import exclusive, signature, write_text
from scripts.precision import EXACT, PREPROCESSINGS
from scripts.store.checksums import checksum_file, read_checksum
from scripts.store.digests import digest, remember
from scripts.store.signatures import signature_file

_WORK = ".building-"


@dataclass(frozen=True)
class Record:
    """What an archive was made from (``archives.inputs``), and the digest it had then.

    ``proof`` is how one of fewer bits compared with float32; None where that is not needed or was not done.
    """

    inputs: dict[str, Any]
    stand_in: bool
    sha256: str
    proof: dict[str, Any] | None = None

    @property
    def version(self) -> str:
        """The archive's version, as TorchServe shows it."""
        return str(self.inputs["version"])

    @property
    def precision(self) -> str:
        """What it computes in."""
        return str(self.inputs.get("precision", EXACT))

    @property
    def preprocessing(self) -> str:
        """How it prepares pictures: exact or fast."""
        return str(self.inputs.get("preprocessing", PREPROCESSINGS[0]))


def read_record(store: Path, model: Model) -> Record | None:
    """What is known of the model's archive; None if there is no archive or its record cannot be read."""
    if not (store / model.archive_file).is_file():
        return None
    try:
        return parse_record(record_file(store, model).read_bytes())
    except OSError:
        return None


def parse_record(content: bytes) -> Record | None:
    """The record in a ``X.build.json``; None if it is none."""
    try:
        fields = json.loads(content)
        return Record(fields["inputs"], fields["stand_in"], fields["sha256"], fields.get("proof"))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def write_record(store: Path, model: Model, record: Record) -> None:
    """Replace the record of the model's archive."""
    write_text(record_file(store, model), json.dumps(asdict(record), indent=2) + "\n")


def archive_intact(store: Path, model: Model, record: Record) -> bool:
    """Whether the archive and its checksum file are what the record says; hashes only what changed on disk."""
    archive = store / model.archive_file
    try:
        return read_checksum(archive) == record.sha256 == digest(store, archive)
    except OSError:
        return False


def place(store: Path, model: Model, packed: Path, record: Record) -> None:
    """Move a checked archive into the store, with its checksum and record, in place of the old one and
    its signature.

    The old one is kept under its version's name if it is of another version, for a rollback; but not a stand-in
    that an archive of a real checkpoint replaces.
    """
    archive = store / model.archive_file
    old = read_record(store, model)
    if old and old.version != record.version and record.stand_in >= old.stand_in:
        _keep(archive, archive.with_name(f"{model.archive_name}-{old.version}.mar"), old.sha256)
    packed.replace(archive)
    signature_file(archive).unlink(missing_ok=True)
    write_text(checksum_file(archive), f"{record.sha256}  {archive.name}\n")
    write_record(store, model, record)
    remember(store, {archive.name: (signature(archive), record.sha256)})


@contextmanager
def locked(store: Path, waiting: Callable[[str], None]) -> Iterator[Path]:
    """Hold the store's lock; yields an empty folder for the work, removed at the end.

    ``waiting`` is called with a message before this waits for another build.
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


def record_file(store: Path, model: Model) -> Path:
    """The file of the record of a model's archive."""
    return store / f"{model.archive_name}.build.json"


def _keep(archive: Path, kept: Path, digest: str) -> None:
    """Give an archive a second name; a link, so that it takes no space."""
    kept.unlink(missing_ok=True)
    try:
        os.link(archive, kept)
    except OSError:
        shutil.copyfile(archive, kept)
    write_text(checksum_file(kept), f"{digest}  {kept.name}\n")
    signature_file(kept).unlink(missing_ok=True)
    if signature_file(archive).exists():
        shutil.copyfile(signature_file(archive), signature_file(kept))
