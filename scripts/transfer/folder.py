"""Archives in a folder: a mounted share, or what becomes a volume of a cluster."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from scripts.files import sha256, write_text
from scripts.transfer.manifest import MANIFEST, manifest_text, read_manifest
from scripts.transfer.remote import FOLDER, NothingThereError, Part, RemoteError, RemoteFile, Sent

_BLOCK = 1 << 20


class FolderRemote:
    """The folder ``place``: ``model-store/`` with the files, and ``manifest.json`` with their digests."""

    def __init__(self, place: str) -> None:
        self._folder = Path(place)
        if not self._folder.is_absolute():
            raise RemoteError(f"file://{place}: give the whole path, as in file:///mnt/models")

    def files(self) -> dict[str, RemoteFile]:
        """What the manifest lists."""
        try:
            text = (self._folder / MANIFEST).read_bytes()
        except FileNotFoundError as error:
            raise NothingThereError(f"{self._folder}: has no {MANIFEST}; `make push TO={self._url}` first") from error
        except OSError as error:
            raise RemoteError(f"{self._folder / MANIFEST}: {error.strerror}") from error
        return read_manifest(text, str(self._folder / MANIFEST))

    def read(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        """The bytes of a file from ``start`` on."""
        with self._explained(), self._path(file).open("rb") as stream:
            stream.seek(start)
            while block := stream.read(_BLOCK):
                yield block

    def push(self, parts: Sequence[Part], sent: Sent) -> str:
        """Copy what is not there with this digest, each file in one step, then write the manifest."""
        wanted = {file: path for part in parts for path, file in part.files.items()}
        with self._explained():
            (self._folder / FOLDER).mkdir(parents=True, exist_ok=True)
            for file, path in wanted.items():
                if not self._has(file):
                    self._put(path, self._path(file))
                sent(file.size)
            write_text(self._folder / MANIFEST, manifest_text(wanted))
        return self._url

    @property
    def _url(self) -> str:
        return f"file://{self._folder}"

    def _path(self, file: RemoteFile) -> Path:
        return self._folder / FOLDER / file.name

    def _has(self, file: RemoteFile) -> bool:
        path = self._path(file)
        return path.is_file() and path.stat().st_size == file.size and sha256(path) == file.sha256

    @staticmethod
    def _put(source: Path, target: Path) -> None:
        new = target.with_name(f".{target.name}.new")
        try:
            shutil.copyfile(source, new)
            os.chmod(new, 0o644)
            new.replace(target)
        except OSError:
            new.unlink(missing_ok=True)
            raise

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RemoteError(
                f"{self._url}: {error.filename or ''}: {error.strerror}; see that it is mounted and has room"
            ) from error
