"""Unpack archives for TorchServe, so that it links their files instead of unpacking them itself.

It would do that on one of the two threads that also carry predictions: seconds for half a gigabyte.
"""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from scripts.archive_file import Archive, ArchiveError
from scripts.settings import Settings
from scripts.torchserve import temporary_dir


def unpack(settings: Settings, archive: Archive) -> Path:
    """Unpack an archive into the run directory's temporary files. Raises ArchiveError if it cannot be.

    The folder has the archive's name without ``.mar``: TorchServe's snapshots remember that.
    """
    status = archive.file.stat()
    folder = _folder(settings) / f"{status.st_ino}-{status.st_mtime_ns}" / archive.file.stem
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive.file) as contents:
            contents.extractall(folder)  # checks each file's CRC, and keeps every name inside the folder
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ArchiveError(f"{archive.file.name}: cannot be unpacked into {folder.parent} ({error})") from error
    return folder


def discard(settings: Settings, registered_as: str) -> None:
    """Remove what was unpacked for a version that is unregistered now; TorchServe removes what it unpacked."""
    folder = Path(registered_as)
    if folder.parent.parent == _folder(settings):
        shutil.rmtree(folder.parent, ignore_errors=True)


def _folder(settings: Settings) -> Path:
    return temporary_dir(settings) / "unpacked"
