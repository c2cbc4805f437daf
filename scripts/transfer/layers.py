"""Layers of an image: uncompressed tar files, whose bytes are the same for the same archives, and never on disk.

Nothing is compressed, since weights hardly shrink, and so that an archive can be read out of the middle of its layer.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path

from scripts.transfer.remote import FOLDER, Part, RemoteFile

MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar"
# Where KServe looks in an image: https://kserve.github.io/website/docs/model-serving/storage/providers/oci
_ROOT = "models"
_BLOCK = 1 << 20


class Layer:
    """The layer of one part. ``digest`` is its SHA-256 as registries write it; ``size`` is in bytes."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.offsets: dict[str, int] = {}
        self._pieces: list[tuple[int, bytes | Path, int]] = []
        self.size = 0
        for path, file in part.files.items():
            self._add(_header(file))
            self.offsets[file.name] = self.size
            self._add(path, file.size)
            self._add(bytes(-file.size % tarfile.BLOCKSIZE))
        self._add(bytes(2 * tarfile.BLOCKSIZE))
        self.digest = f"sha256:{self._sha256()}"

    def read(self, start: int, length: int) -> bytes:
        """At most ``length`` of its bytes from ``start`` on."""
        found = bytearray()
        for offset, source, size in self._pieces:
            skipped = max(0, start + len(found) - offset)
            wanted = min(size - skipped, length - len(found))
            if wanted <= 0:
                continue
            if isinstance(source, bytes):
                found += source[skipped : skipped + wanted]
            else:
                with source.open("rb") as file:
                    file.seek(skipped)
                    found += file.read(wanted)
        return bytes(found)

    def _add(self, source: bytes | Path, size: int | None = None) -> None:
        length = len(source) if isinstance(source, bytes) else size or 0
        self._pieces.append((self.size, source, length))
        self.size += length

    def _sha256(self) -> str:
        digest = hashlib.sha256()
        for block in self._blocks():
            digest.update(block)
        return digest.hexdigest()

    def _blocks(self) -> Iterator[bytes]:
        for start in range(0, self.size, _BLOCK):
            yield self.read(start, _BLOCK)


def _header(file: RemoteFile) -> bytes:
    entry = tarfile.TarInfo(f"{_ROOT}/{FOLDER}/{file.name}")
    entry.size, entry.mode = file.size, 0o644
    return entry.tobuf(tarfile.PAX_FORMAT)
