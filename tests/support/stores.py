"""Small model stores with their checkpoints, and the ways to break them."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT

FAST = "MobileNetV2_FER2013"  # the quickest of the nine
LFS_POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4cac19622fc3ada9c0fdeadb33f88f367b541f38b89102a3f1261ac81fd5bcb5\n"
    "size 9180000\n"
)


class Store:
    """Some of the nine models by themselves: a catalogue, their checkpoints and archives, copied from whole ones."""

    def __init__(self, directory: Path, results: Path, archives: Path, names: Sequence[str]) -> None:
        self.results, self.archives = directory / "results", directory / "model_store"
        self.results.mkdir()
        self.archives.mkdir()
        entries = json.loads((ROOT / "models.json").read_text())
        self.catalogue_file = directory / "models.json"
        self.catalogue_file.write_text(json.dumps({name: entries[name] for name in names}))
        self.catalogue: dict[str, Model] = load_catalogue(self.catalogue_file)
        index = json.loads((archives / "index.json").read_text())
        (self.archives / "index.json").write_text(json.dumps({name: index[name] for name in names}))
        for model in self.catalogue.values():
            shutil.copy2(results / model.checkpoint_file, self.results)
            for source in archives.glob(f"{model.archive_name}.*"):
                shutil.copy2(source, self.archives)

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a stack that serves this store."""
        return {
            "RESULTS_DIR": str(self.results),
            "MODEL_STORE": str(self.archives),
            "CATALOGUE": str(self.catalogue_file),
        }

    def checkpoint(self, name: str) -> Path:
        """The checkpoint of the model."""
        return self.results / self.catalogue[name].checkpoint_file

    def archive(self, name: str) -> Path:
        """The archive of the model."""
        return self.archives / self.catalogue[name].archive_file

    def remove_archive(self, name: str) -> None:
        """Leave the model as if it was never built."""
        for path in self.archives.glob(f"{self.catalogue[name].archive_name}.*"):
            path.unlink()
        index = self._read("index.json")
        del index[name]
        self._write("index.json", index)

    def keep_archive(self, name: str) -> None:
        """Make the archive one of a real checkpoint that has become unusable since: it can only be kept."""
        self._change(name, stand_in=False)
        self.checkpoint(name).write_text(LFS_POINTER)

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
        self._change(name, sha256=checksum)

    def _change(self, name: str, **values: object) -> None:
        """Change what the build has written down of the archive."""
        record = f"{self.catalogue[name].archive_name}.build.json"
        self._write(record, {**self._read(record), **values})
        index = self._read("index.json")
        self._write("index.json", {**index, name: {**index[name], **values}})

    def _read(self, file: str) -> dict[str, dict[str, object]]:
        values: dict[str, dict[str, object]] = json.loads((self.archives / file).read_text())
        return values

    def _write(self, file: str, values: object) -> None:
        (self.archives / file).write_text(json.dumps(values, indent=2))


def _with_code(source: str, code: str) -> str:
    """``source`` with ``code`` before its first import that is not from ``__future__``."""
    first = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    )
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: first.lineno - 1], code, "\n", *lines[first.lineno - 1 :]])
