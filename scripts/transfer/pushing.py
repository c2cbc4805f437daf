"""Push the archives of the model store, each with its checksum, its record and its signature."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.catalogue import Model
from scripts.files import sha256
from scripts.settings import Settings
from scripts.store.checksums import checksum_file
from scripts.store.index import read_index
from scripts.store.records import archive_intact, read_record, record_file
from scripts.store.signatures import signature_file
from scripts.store.stand_ins import stand_ins_may_serve
from scripts.transfer.progress import TransferProgress
from scripts.transfer.remote import Part, Remote, RemoteError, RemoteFile

INDEX = "index.json"


def push(settings: Settings, remote: Remote, models: Sequence[Model], progress: TransferProgress) -> str:
    """Push what the model store has of these models. Returns the address of what was pushed.

    Raises RemoteError, before anything is sent, if one of them is not built, damaged, or a stand-in that may not serve.
    """
    parts = [_part(settings, model) for model in models]
    with TemporaryDirectory() as folder:
        index = _index(settings, models, Path(folder))
        with progress.whole("pushing", sum(part.size for part in [*parts, index])) as sent:
            return remote.push([*parts, index], sent)


def _part(settings: Settings, model: Model) -> Part:
    store = settings.model_store
    record = read_record(store, model)
    if record is None or not archive_intact(store, model, record):
        raise RemoteError(f"{model.name}: {model.archive_file} is not built or damaged; run `make archives` first")
    if record.stand_in and not stand_ins_may_serve(settings):
        raise RemoteError(
            f"{model.name}: {model.archive_file} is a stand-in's; put its checkpoint into results/ and run "
            "`make archives`, or say STAND_INS=allowed"
        )
    archive = store / model.archive_file
    beside = [checksum_file(archive), record_file(store, model), signature_file(archive)]
    files = {path: _remote_file(path) for path in beside if path.is_file()}
    return Part(archive.name, {archive: RemoteFile(archive.name, archive.stat().st_size, record.sha256), **files})


def _index(settings: Settings, models: Sequence[Model], folder: Path) -> Part:
    """What a host needs that serves from a volume with these files, and pulls nothing."""
    entries = read_index(settings.index_file)
    path = folder / INDEX
    path.write_text(json.dumps({m.name: entries[m.name] for m in models if m.name in entries}, indent=2) + "\n")
    return Part(INDEX, {path: _remote_file(path)})


def _remote_file(path: Path) -> RemoteFile:
    return RemoteFile(path.name, path.stat().st_size, sha256(path))
