"""Pull archives into the model store: each is whole and verified before it takes the place of the one there."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.files import cannot_write, sha256, sha256_of
from scripts.settings import Settings
from scripts.store import served
from scripts.store.archive import ArchiveError, read_archive
from scripts.store.checksums import read_checksum
from scripts.store.index import IndexEntry, index_entry, read_index, write_index
from scripts.store.records import Record, parse_record, place, read_record, record_file
from scripts.store.signatures import signature_file, signature_problem, trusted_digests
from scripts.store.stand_ins import stand_ins_may_serve
from scripts.transfer.progress import TransferProgress
from scripts.transfer.remote import InterruptedTransferError, Remote, RemoteError, RemoteFile

# In the model store; what has arrived of an archive stays in it until the rest has.
INCOMING = ".incoming"
_MOST_SMALL_BYTES = 1 << 20
_ATTEMPTS = 6


class Pull:
    """Pulls from one remote store; the caller holds the lock of the model store."""

    def __init__(self, settings: Settings, remote: Remote, progress: TransferProgress) -> None:
        self._settings, self._remote, self._progress = settings, remote, progress
        self._store = settings.model_store
        self._incoming = self._store / INCOMING
        self._files = remote.files()

    @property
    def archives(self) -> list[str]:
        """The archives that the remote store has."""
        return [name for name in self._files if name.endswith(".mar")]

    def model(self, model: Model) -> tuple[Record, bool]:
        """Pull a model's archive; returns its record, and whether it is new here.

        Raises RemoteError, or ArchiveError for what arrived and must not be served. The archive before stays then.
        """
        record = self._record(model)
        entry = self._entry(model, record)
        is_new = not self._is_here(model, record)
        signature = self._signature(model)
        if is_new:
            self._require_own_content(model, record)
            try:
                archive = self._archive(model, record)
                place(self._store, model, self._verified(archive, model, record, signature), record)
            except OSError as error:
                raise RemoteError(f"{model.name}: {cannot_write(error, self._store, 'MODEL_STORE')}") from error
            with contextlib.suppress(OSError):
                self._incoming.rmdir()  # unless another archive's first half is in it
        here = self._store / model.archive_file
        if signature is not None and (
            is_new or not signature_file(here).exists() or signature_problem(self._settings, here, record.sha256)
        ):
            signature_file(here).write_bytes(signature)
        write_index(self._settings.index_file, {**read_index(self._settings.index_file), model.name: entry})
        return record, is_new

    def _is_here(self, model: Model, record: Record) -> bool:
        present, archive = read_record(self._store, model), self._store / model.archive_file
        return (
            present is not None
            and present.sha256 == record.sha256 == read_checksum(archive)
            and present.sha256 == trusted_digests(self._settings, [archive])[archive]
        )

    def _record(self, model: Model) -> Record:
        file = self._file(record_file(self._store, model).name)
        record = parse_record(self._small(file))
        if record is None or record.sha256 != self._file(model.archive_file).sha256:
            raise RemoteError(f"{model.name}: {file.name} is not the record of {model.archive_file}; push both again")
        return record

    def _entry(self, model: Model, record: Record) -> IndexEntry:
        """What the index is to say. Raises RemoteError for a record without what it takes."""
        try:
            return index_entry(model, record, None, stand_ins=stand_ins_may_serve(self._settings))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise RemoteError(f"{model.name}: the record of {model.archive_file} cannot be used ({error})") from error

    def _signature(self, model: Model) -> bytes | None:
        file = self._files.get(signature_file(Path(model.archive_file)).name)
        return self._small(file) if file else None

    def _require_own_content(self, model: Model, record: Record) -> None:
        known = served.contents(self._settings, model.archive_name, record.version)
        if known and record.sha256 not in known:
            raise RemoteError(
                f"{model.name}: version {record.version} has served here with other content; build the new one as "
                "another version (`make archives ARCHIVE_VERSION=…`) and push it"
            )

    def _archive(self, model: Model, record: Record) -> Path:
        """Download the archive, from where an earlier attempt ended."""
        file = self._file(model.archive_file)
        self._incoming.mkdir(exist_ok=True)
        partial = self._incoming / f"{file.name}.{record.sha256[:16]}.partial"
        for other in self._incoming.glob(f"{file.name}*"):
            if other != partial or other.stat().st_size > file.size:
                other.unlink()
        self._download(file, partial)
        if sha256(partial) != file.sha256:
            partial.unlink()
            raise RemoteError(f"{file.name}: what arrived is not what was pushed; pull again, or push it again")
        return partial.rename(self._incoming / file.name)

    def _download(self, file: RemoteFile, partial: Path) -> None:
        done = partial.stat().st_size if partial.exists() else 0
        free = shutil.disk_usage(self._store).free
        if file.size - done > free:
            raise RemoteError(
                f"{file.name} has {file.size} bytes, and {self._store} has room for {free}; make room, or set "
                "MODEL_STORE to another folder"
            )
        with self._progress.whole(file.name, file.size, done) as arrived, partial.open("ab") as target:
            for attempt in range(_ATTEMPTS):
                try:
                    # Of what has all arrived nothing is asked for: S3 answers with an error (RFC 9110, 15.5.17).
                    for block in self._bytes(file, target.tell()) if target.tell() < file.size else ():
                        target.write(block)
                        arrived(len(block))
                    return
                except InterruptedTransferError:
                    if attempt == _ATTEMPTS - 1:
                        raise
                    time.sleep(2.0**attempt / 4)

    def _verified(self, archive: Path, model: Model, record: Record, signature: bytes | None) -> Path:
        try:
            if signature is not None:
                signature_file(archive).write_bytes(signature)
            if problem := signature_problem(self._settings, archive):
                raise ArchiveError(problem)
            found = read_archive(archive)
            if (found.archive_name, found.version) != (model.archive_name, record.version):
                raise ArchiveError(
                    f"{archive.name} is {found.archive_name} {found.version} and not {model.archive_name} "
                    f"{record.version}; push it again"
                )
        except UserError:
            archive.unlink()
            raise
        finally:
            signature_file(archive).unlink(missing_ok=True)
        return archive

    def _file(self, name: str) -> RemoteFile:
        if name not in self._files:
            raise RemoteError(f"{name} is missing in the remote store; push the archive again")
        return self._files[name]

    def _bytes(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        """The file from ``start`` on. Raises RemoteError for a remote store that sends more than that."""
        left = file.size - start
        for block in self._remote.read(file, start):
            left -= len(block)
            if left < 0:
                raise RemoteError(
                    f"{file.name}: more arrived than the {file.size} bytes that it should have; push it again"
                )
            yield block

    def _small(self, file: RemoteFile) -> bytes:
        if file.size > _MOST_SMALL_BYTES:
            raise RemoteError(f"{file.name} has {file.size} bytes, too many for what it is; push it again")
        content = b"".join(self._bytes(file))
        if sha256_of(content) != file.sha256:
            raise RemoteError(f"{file.name}: what arrived is not what was pushed; pull again, or push it again")
        return content
