"""The list of a remote store's files, as JSON: what it says is checked, since it comes from elsewhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from scripts.transfer.remote import NothingThereError, RemoteFile

MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


def manifest_text(files: Iterable[RemoteFile]) -> str:
    """What ``read_manifest`` reads."""
    return json.dumps({"files": [asdict(file) for file in files]}, indent=2) + "\n"


def read_manifest(text: str | bytes, source: str) -> dict[str, RemoteFile]:
    """The files of ``{"files": [{"name", "size", "sha256"}, …]}``. Raises NothingThereError for anything else."""
    try:
        files = [remote_file(fields) for fields in json.loads(text)["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise NothingThereError(f"{source}: is no list of archives ({error}); push them again") from error
    return {file.name: file for file in files}


def remote_file(fields: Mapping[str, Any]) -> RemoteFile:
    """One file. Raises ValueError, KeyError or TypeError for what nothing may be named after or compared with."""
    name, size, sha256 = fields["name"], fields["size"], fields["sha256"]
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r:.80} is no plain file name")
    if not _SHA256.fullmatch(sha256) or not isinstance(size, int) or size < 0:
        raise ValueError(f"{name} has no size and SHA-256")
    return RemoteFile(name, size, sha256)
