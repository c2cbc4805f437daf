"""What an archive in the model store says of itself, and which file holds which version.

The newest archive of a model is ``X.mar``; one that it replaced is kept as ``X-1.0.mar``, after its version.
"""

from __future__ import annotations

import contextlib
import json
import re
import zipfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import UserError
from scripts.settings import Settings
from scripts.store.checksums import archive_problems, checksum_file, read_checksum
from scripts.store.signatures import signature_problem

_SUFFIX = ".mar"
# Files and requests are named after it.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)


class ArchiveError(UserError):
    """An archive cannot be served; the message names the file and the remedy."""


@dataclass(frozen=True)
class Archive:
    """An archive that can be opened.

    ``archive_name`` and ``version`` are what TorchServe will know it by, ``configuration`` is its
    ``model-config.yaml``, ``description`` its ``model.json`` (empty in archives built elsewhere).
    """

    file: Path
    archive_name: str
    version: str
    configuration: dict[str, Any]
    description: dict[str, Any]

    @property
    def labels(self) -> list[str]:
        """The labels its answers must have; empty if it does not say."""
        return _labels(self.description)


def store_path(store: Path, file_name: str) -> Path:
    """The archive ``file_name`` of the model store. Raises ArchiveError for anything but a plain name there."""
    if Path(file_name).name != file_name or not file_name.endswith(_SUFFIX) or file_name.startswith("."):
        raise ArchiveError(f"{file_name}: give the plain file name of a {_SUFFIX} archive in {store}")
    path = store / file_name
    if not path.is_file():
        raise ArchiveError(f"{file_name}: there is no such archive in {store}")
    return path


def read_archive(path: Path) -> Archive:
    """Open an archive. Raises ArchiveError if TorchServe could not register it."""
    try:
        with zipfile.ZipFile(path) as contents:
            return _described(path, contents)
    except Exception as error:  # zipfile, its decompressors and yaml raise whatever a broken file leads them to
        raise ArchiveError(f"{path.name}: TorchServe cannot read it ({error}); build or copy it again") from error


def kept_file(archive_name: str, version: str) -> str:
    """The name under which an archive stays when one of another version takes its place."""
    return f"{archive_name}-{version}{_SUFFIX}"


def find_version(
    store: Path, archive_name: str, version: str, registered_as: str, contents: Collection[str] = ()
) -> Archive:
    """Find the file that holds ``version`` now; ``registered_as`` is its file or folder when it was registered.

    ``contents`` are the SHA-256 with which the version has served, if any are known: other content is another version,
    whatever it calls itself. Raises ArchiveError if no file holds it.
    """
    reasons = []
    base = Path(registered_as).name
    names = (base, f"{base}{_SUFFIX}", f"{archive_name}{_SUFFIX}", kept_file(archive_name, version))
    for name in dict.fromkeys(names):
        if not (store / name).is_file():
            continue
        try:
            archive = read_archive(store / name)
        except ArchiveError as error:
            reasons.append(str(error))
            continue
        if archive.version != version:
            continue
        if not contents or read_checksum(archive.file) in contents:
            return archive
        reasons.append(f"{name} has other content than version {version} had when it served; give it another version")
    reason = reasons[0] if reasons else f"no file in {store} holds version {version}; copy it there again"
    raise ArchiveError(f"{archive_name} {version}: {reason}")


def registered_labels(store: Path, archive_name: str, version: str, registered_as: str) -> list[str]:
    """The labels a registered version must answer with; empty if neither its folder nor an archive in ``store`` says.

    ``registered_as`` is its file or folder, as TorchServe tells it.
    """
    with contextlib.suppress(OSError, ValueError, RecursionError):
        description = json.loads((Path(registered_as) / "model.json").read_text(encoding="utf-8"))
        return _labels(description)
    with contextlib.suppress(ArchiveError):
        return find_version(store, archive_name, version, registered_as).labels
    return []


def check_archive(settings: Settings, archive: Archive) -> None:
    """Compare an archive with its ``.sha256`` file, or without one read every byte of it; and verify its signature.

    Raises ArchiveError if it is damaged, or not signed where VERIFY_KEYS is set.
    """
    if checksum_file(archive.file).exists():
        require_checksum(settings, archive)
        return
    try:
        with zipfile.ZipFile(archive.file) as contents:
            damaged = contents.testzip()
    except Exception as error:  # as in read_archive
        raise ArchiveError(f"{archive.file.name}: is damaged ({error}); copy it again") from error
    if damaged:
        raise ArchiveError(f"{archive.file.name}: {damaged} in it is damaged; copy it again")
    if problem := signature_problem(settings, archive.file):
        raise ArchiveError(problem)


def require_checksum(settings: Settings, archive: Archive) -> None:
    """Compare an archive with its ``.sha256`` file, and its signature with VERIFY_KEYS if that is set.

    Raises ArchiveError if one of them is wrong or not there.
    """
    problem = archive_problems(settings, [archive.file])[archive.file]
    if problem:
        raise ArchiveError(problem)


def _described(path: Path, contents: zipfile.ZipFile) -> Archive:
    """What the archive says of itself; raises ValueError for what nothing could be named after, and others."""
    manifest = json.loads(contents.read("MAR-INF/MANIFEST.json"))["model"]
    if not isinstance(manifest, dict):
        raise ValueError(f"its manifest has {manifest!r:.80} for a model")
    name, version = manifest["modelName"], str(manifest["modelVersion"])
    for what, value in (("modelName", name), ("modelVersion", version)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise ValueError(f"its {what} {value!r:.80} is not made of letters, digits, dots, - and _")
    description = json.loads(contents.read("model.json")) if "model.json" in contents.namelist() else {}
    _labels(description)
    return Archive(path, name, version, _yaml(contents, manifest.get("configFile")), description)


def _labels(description: Any) -> list[str]:
    """The labels in a ``model.json``. Raises ValueError if it is none."""
    labels = description.get("emotions", []) if isinstance(description, dict) else None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f"its model.json has no list of labels: {description!r:.80}")
    return labels


def _yaml(contents: zipfile.ZipFile, name: str | None) -> dict[str, Any]:
    return dict(yaml.safe_load(contents.read(name)) or {}) if name else {}
