"""What a remote store of archives is: files with digests, pushed at once and read from any byte on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from scripts.errors import UserError

# Where TorchServe, KServe and a volume made from an image look for archives.
FOLDER = "model-store"

Sent = Callable[[int], None]


class RemoteError(UserError):
    """A remote store cannot be used; the message names it and the remedy."""


class InterruptedTransferError(RemoteError):
    """A connection ended in the middle; what has arrived stays, and the rest can be asked for."""


class NothingThereError(RemoteError):
    """There are no archives at the address."""


@dataclass(frozen=True)
class RemoteFile:
    """A file of a remote store: its size in bytes and its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Part:
    """Files that belong together: an archive and what lies beside it. ``title`` is the archive's file name."""

    title: str
    files: Mapping[Path, RemoteFile]

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files.values())


class Remote(Protocol):
    """A remote store. Its methods raise RemoteError."""

    def files(self) -> dict[str, RemoteFile]:
        """What it has, by the files' names."""
        ...

    def read(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        """The file's bytes from ``start`` on. Raises InterruptedTransferError where the rest may come later."""
        ...

    def push(self, parts: Sequence[Part], sent: Sent) -> str:
        """Let it have these files in place of those before; ``sent`` hears of bytes that are there.

        Returns the address that means this content, for ever if the store can say so.
        """
        ...


def open_remote(address: str, *, plain_http: bool = False) -> Remote:
    """The store at ``oci://HOST[:PORT]/NAME[:TAG]``, ``s3://BUCKET[/PREFIX]`` or ``file:///FOLDER``.

    ``plain_http``: no TLS to a registry; loopback never has it. Raises RemoteError for another address, or where the
    client of that kind of store is not installed.
    """
    scheme, _, place = address.partition("://")
    try:
        if scheme == "oci" and place:
            from scripts.transfer.oci import OciRemote

            return OciRemote(place, plain_http=plain_http)
        if scheme == "s3" and place:
            from scripts.transfer.s3 import S3Remote

            return S3Remote(place)
        if scheme == "file" and place:
            from scripts.transfer.folder import FolderRemote

            return FolderRemote(place)
    except ImportError as error:
        raise RemoteError(
            f"{address}: {error.name} is not installed; `make push` and `make pull` install it"
        ) from error
    raise RemoteError(f"{address}: give oci://HOST/NAME:TAG, s3://BUCKET/PREFIX or file:///FOLDER")
