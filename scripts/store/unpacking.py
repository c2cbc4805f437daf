"""Unpack archives for TorchServe, so that it links their files instead of unpacking them itself.

It would do that one archive after the other before it answers at all, and later on one of the two threads that also
serve predictions. What is unpacked stays in the run directory for the next start, until no start needs it.
"""

from __future__ import annotations

import errno
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from scripts.cgroup import available_cpus
from scripts.files import signature, write_text
from scripts.settings import Settings
from scripts.store.archive import ArchiveError
from scripts.store.digests import digest
from scripts.store.signatures import SignatureError, signed_digest_of
from scripts.store.verified_copy import verified_copy

_BLOCK = 1 << 20
_DISK_FULL = "the disk is full; free some space, and try again"

# By archive: where its files are, or why they are not.
Folders = dict[Path, Path | ArchiveError]


def unpack(settings: Settings, archive: Path) -> Path:
    """Unpack an archive, unless that was done before.

    Raises ArchiveError if it cannot be unpacked, or is not signed where VERIFY_KEYS is set.
    The folder has the archive's name without ``.mar``: TorchServe's snapshots remember that.
    """
    try:
        return _unpacked_signed(settings, archive) if settings.verify_keys else _unpacked(settings, archive)
    except SignatureError as error:
        raise ArchiveError(str(error)) from error
    except Exception as error:  # zipfile and its decompressors raise whatever a broken file leads them to
        reason = _DISK_FULL if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) else error
        raise ArchiveError(f"{archive.name}: cannot be unpacked into {_folder(settings)} ({reason})") from error


def _unpacked(settings: Settings, archive: Path) -> Path:
    key = "-".join(format(number, "x") for number in signature(archive))
    folder = _folder(settings) / key / archive.stem
    with zipfile.ZipFile(archive) as contents:
        if not _holds(folder, contents):
            _extract(contents, folder)
    if archive_digest(folder) is None:
        _note_digest(folder, archive, digest(archive.parent, archive))
    return folder


def _unpacked_signed(settings: Settings, archive: Path) -> Path:
    """The same of what was signed: from a copy, unless a folder has that content already."""
    signed = signed_digest_of(settings, archive)
    folder = _folder(settings) / f"{signed}-{archive.stem}" / archive.stem
    if archive_digest(folder) == signed:
        with zipfile.ZipFile(archive) as contents:
            if _holds(folder, contents):
                return folder
    with verified_copy(settings, archive, signed) as copy, zipfile.ZipFile(copy) as contents:
        _extract(contents, folder)
    _note_digest(folder, archive, signed)
    return folder


def _extract(contents: zipfile.ZipFile, folder: Path) -> None:
    """All of an archive, or nothing: what there was room for would keep a full disk full."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    new = folder.with_suffix(".new")
    try:
        contents.extractall(new)  # checks each file's CRC, and keeps every name inside the folder
        new.replace(folder)
    except BaseException:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise


def _note_digest(folder: Path, archive: Path, sha256: str) -> None:
    write_text(_digest_file(folder), f"{sha256}  {archive.name}\n")


def archive_digest(folder: Path) -> str | None:
    """The SHA-256 of the archive that ``unpack`` unpacked into a folder; None if somebody else did."""
    try:
        return _digest_file(folder).read_text(encoding="utf-8").split()[0]
    except (OSError, IndexError):
        return None


def unpack_all(settings: Settings, archives: Sequence[Path]) -> Folders:
    """Unpack archives, several at a time, and remove what earlier starts unpacked of others.

    Returns the folder of each, or why there is none.
    """
    with ThreadPoolExecutor(available_cpus()) as threads:
        outcomes = dict(zip(archives, threads.map(partial(_attempt, settings), archives), strict=True))
    needed = {outcome.parent for outcome in outcomes.values() if isinstance(outcome, Path)}
    for folder in set(_folder(settings).glob("*")) - needed:
        shutil.rmtree(folder, ignore_errors=True)
    return outcomes


def holds(folder: Path, archive: Path) -> bool:
    """Whether a folder has what is in ``archive`` now, byte by byte."""
    with zipfile.ZipFile(archive) as contents:
        return _holds(folder, contents) and _equals(folder, contents)


def discard(settings: Settings, registered_as: str) -> None:
    """Remove what was unpacked for a version that is unregistered now; TorchServe removes what it unpacked."""
    folder = Path(registered_as)
    if folder.parent.parent == _folder(settings):
        shutil.rmtree(folder.parent, ignore_errors=True)


def _attempt(settings: Settings, archive: Path) -> Path | ArchiveError:
    try:
        return unpack(settings, archive)
    except ArchiveError as error:
        return error


def _holds(folder: Path, contents: zipfile.ZipFile) -> bool:
    """Whether every file is there in its full size: a machine that lost power may have kept less."""
    files = [item for item in contents.infolist() if not item.is_dir()]
    try:
        return all((folder / item.filename).stat().st_size == item.file_size for item in files)
    except OSError:
        return False


def _equals(folder: Path, contents: zipfile.ZipFile) -> bool:
    """Whether every file has the checksum of the one in the archive."""
    return all(_crc(folder / item.filename) == item.CRC for item in contents.infolist() if not item.is_dir())


def _crc(path: Path) -> int:
    checksum = 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            checksum = zlib.crc32(block, checksum)
    return checksum


def _digest_file(folder: Path) -> Path:
    # Beside the folder, whose content is that of the archive; proxy/njs/models/archive.js reads it too.
    return folder.parent / "archive.sha256"


def _folder(settings: Settings) -> Path:
    return settings.run_dir / "unpacked"
