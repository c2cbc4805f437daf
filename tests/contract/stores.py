"""Small model stores, and the ways to break an archive."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT


class Store:
    """A model store and a catalogue with some of the nine models, copied from a whole store."""

    def __init__(self, directory: Path, archives: Path, names: Sequence[str]) -> None:
        self.directory = directory
        self.catalogue_file = directory / "models.json"
        entries = json.loads((ROOT / "models.json").read_text())
        self.catalogue_file.write_text(json.dumps({name: entries[name] for name in names}))
        self.catalogue: dict[str, Model] = load_catalogue(self.catalogue_file)
        index = json.loads((archives / "index.json").read_text())
        self._write_index({name: index[name] for name in names})
        for model in self.catalogue.values():
            for source in archives.glob(f"{model.archive_name}.*"):
                shutil.copy2(source, directory / source.name)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a stack that serves this store."""
        return {"MODEL_STORE": str(self.directory), "CATALOGUE": str(self.catalogue_file)}

    def archive(self, name: str) -> Path:
        """The archive of the model."""
        return self.directory / self.catalogue[name].archive_file

    def fail_build(self, name: str, reason: str) -> None:
        """Leave the model as a build does that could not make its archive."""
        self.archive(name).unlink()
        self._change_index(name, archive=None, sha256=None, error=reason)

    def flip_a_byte(self, name: str) -> None:
        """Damage the archive where its weights are; its checksum stays."""
        with self.archive(name).open("r+b") as file:
            file.seek(os.path.getsize(file.name) // 2)
            (byte,) = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte ^ 0xFF]))

    def insert_code(self, name: str, code: str) -> None:
        """Put ``code`` at the top of the archive's handler, under checksums that fit."""
        path = self.archive(name)
        changed = path.with_suffix(".new")
        with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
            handler = json.loads(old.read("MAR-INF/MANIFEST.json"))["model"]["handler"]
            for item in old.infolist():
                content = old.read(item)
                if item.filename == handler:
                    content = _with_code(content.decode(), code).encode()
                new.writestr(item, content)
        changed.replace(path)
        checksum = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.sha256").write_text(f"{checksum}  {path.name}\n")
        self._change_index(name, sha256=checksum)

    def _change_index(self, name: str, **changes: str | None) -> None:
        index = json.loads((self.directory / "index.json").read_text())
        index[name].update(changes)
        self._write_index(index)

    def _write_index(self, index: dict[str, Any]) -> None:
        (self.directory / "index.json").write_text(json.dumps(index, indent=2))


def _with_code(source: str, code: str) -> str:
    """``source`` with ``code`` before its first import that is not from ``__future__``."""
    first = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    )
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: first.lineno - 1], code, "\n", *lines[first.lineno - 1 :]])
