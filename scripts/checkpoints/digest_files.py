"""The digest that a person put beside a checkpoint: ``X_best.pt.sha256``, as sha256sum writes it; needs no torch."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from scripts.checkpoints.file_types import CheckpointError

# "digest  name", "digest *name", a digest alone, and `sha256sum --tag`: "SHA256 (name) = digest".
_LINE = re.compile(r"\\?([0-9a-fA-F]{64})(?:\s+\*?(.*))?|SHA256 \((.*)\) = ([0-9a-fA-F]{64})")


def refuse_wrong_digest(path: Path, digest: Callable[[], str]) -> None:
    """Raise CheckpointError if a digest file lies beside the checkpoint and does not have what ``digest`` returns.

    Where the checkpoint is a link, the file beside its target counts as well. Without a digest file, ``digest`` is not
    called.
    """
    for file in dict.fromkeys((path, path.resolve())):
        digest_file = file.with_name(f"{file.name}.sha256")
        if not digest_file.exists():
            continue
        expected = _expected(digest_file, {path.name, path.resolve().name})
        if expected is None:
            raise CheckpointError(
                f"{digest_file.name} has no SHA-256 of {file.name}; write it with "
                f"`sha256sum '{file.name}' > '{digest_file.name}'` where the checkpoint came from, or remove it"
            )
        if digest() != expected:
            raise CheckpointError(
                f"{path.name} is damaged or another file: its SHA-256 is not the one in {digest_file.name}; "
                "copy both again"
            )


def _expected(digest_file: Path, names: set[str]) -> str | None:
    """The digest of the line that has one of the names, or of the only line there is."""
    try:
        text = digest_file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None
    found = [match for line in text.splitlines() if (match := _LINE.fullmatch(line.strip()))]
    for match in found:
        if Path(match[2] or match[3] or "").name in names:
            return (match[1] or match[4]).lower()
    return (found[0][1] or found[0][4]).lower() if len(found) == 1 else None
