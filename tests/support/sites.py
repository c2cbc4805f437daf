"""Sites: catalogue, checkpoints and model store of a test's own, and the ways to break them."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT, Settings, load_settings
from tests.support.commands import run_command

LFS_POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4cac19622fc3ada9c0fdeadb33f88f367b541f38b89102a3f1261ac81fd5bcb5\n"
    "size 9180000\n"
)

Change = Callable[[bytes], bytes]


@dataclass(frozen=True)
class Site:
    """The folder of everything a stack is made from."""

    folder: Path

    @property
    def store(self) -> Path:
        return self.folder / "model_store"

    @property
    def results(self) -> Path:
        return self.folder / "results"

    @property
    def catalogue_file(self) -> Path:
        return self.folder / "models.json"

    @property
    def catalogue(self) -> dict[str, Model]:
        return load_catalogue(self.catalogue_file)

    @property
    def places(self) -> dict[str, str]:
        """The settings of any stack that serves this site."""
        return {
            "CATALOGUE": str(self.catalogue_file),
            "RESULTS_DIR": str(self.results),
            "MODEL_STORE": str(self.store),
            "STAND_INS": "allowed",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The settings of the site's own stack and of its builds."""
        return {**self.places, "RUN_DIR": str(self.folder / "run")}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    def checkpoint(self, name: str) -> Path:
        """The checkpoint of the model."""
        return self.results / self.catalogue[name].checkpoint_file

    def archive(self, name: str) -> Path:
        """The archive of the model."""
        return self.store / self.catalogue[name].archive_file

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the build, which must succeed."""
        self.results.mkdir(exist_ok=True)
        built = run_command({**os.environ, **self.environment}, "archives", *arguments)
        assert built.returncode == 0, built.stdout + built.stderr
        return built

    def copy(self, folder: Path) -> Site:
        """A site of the same contents that may be changed."""
        shutil.rmtree(folder, ignore_errors=True)
        for part in (self.store, self.results):
            shutil.copytree(part, folder / part.name, ignore=shutil.ignore_patterns(".*"))
        shutil.copy2(self.catalogue_file, folder)
        return Site(folder)

    def remove_archive(self, name: str) -> None:
        """Leave the model as if it was never built."""
        for path in self.store.glob(f"{self.catalogue[name].archive_name}.*"):
            path.unlink()
        index = self._read("index.json")
        del index[name]
        self._write("index.json", index)

    def keep_archive(self, name: str) -> None:
        """Make the archive one of a real checkpoint that has become unusable since: it can only be kept."""
        self._note(name, stand_in=False)
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
        with zipfile.ZipFile(self.archive(name)) as archive:
            handler = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]["handler"]
        self.change_file(name, handler, lambda source: _with_code(source.decode(), code).encode())

    def change_file(self, name: str, file: str, change: Change) -> None:
        """Change a file in the archive, under checksums that fit."""
        path = self.archive(name)
        changed = path.with_suffix(".new")
        _rewrite(path, changed, {file: change})
        changed.replace(path)
        self._note(name, sha256=write_checksum(path))

    def _note(self, name: str, **values: object) -> None:
        """Change what the build has written down of the archive."""
        record = f"{self.catalogue[name].archive_name}.build.json"
        self._write(record, {**self._read(record), **values})
        index = self._read("index.json")
        self._write("index.json", {**index, name: {**index[name], **values}})

    def _read(self, file: str) -> dict[str, dict[str, object]]:
        values: dict[str, dict[str, object]] = json.loads((self.store / file).read_text())
        return values

    def _write(self, file: str, values: object) -> None:
        (self.store / file).write_text(json.dumps(values, indent=2))


def some_of_the_nine(folder: Path, results: Path, archives: Path, names: Sequence[str]) -> Site:
    """A site of ``names`` alone: their entries of the catalogue, checkpoints and archives, copied from whole ones."""
    site = Site(folder)
    site.results.mkdir()
    site.store.mkdir()
    entries = json.loads((ROOT / "models.json").read_text())
    site.catalogue_file.write_text(json.dumps({name: entries[name] for name in names}))
    index = json.loads((archives / "index.json").read_text())
    (site.store / "index.json").write_text(json.dumps({name: index[name] for name in names}))
    for model in site.catalogue.values():
        shutil.copy2(results / model.checkpoint_file, site.results)
        for source in archives.glob(f"{model.archive_name}.*"):
            shutil.copy2(source, site.store)
    return site


def repack(
    source: Path, target: Path, version: str, replace: dict[str, str] | None = None, *, name: str | None = None
) -> Path:
    """Write an archive like ``source``, of another version (and name), with some files replaced, and its checksum."""
    model = {"modelVersion": version} | ({"modelName": name} if name else {})

    def of_this_model(manifest: bytes) -> bytes:
        value = json.loads(manifest)
        return json.dumps({**value, "model": {**value["model"], **model}}).encode()

    def of_this_version(description: bytes) -> bytes:
        return json.dumps({**json.loads(description), "version": version}).encode()

    changes: dict[str, Change] = {"MAR-INF/MANIFEST.json": of_this_model, "model.json": of_this_version}
    for file, text in (replace or {}).items():
        changes[file] = lambda _, text=text: text.encode()  # type: ignore[misc]
    _rewrite(source, target, changes)
    write_checksum(target)
    return target


def write_checksum(archive: Path) -> str:
    """Put a checksum file beside an archive; returns the digest in it."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")
    return digest


def _rewrite(source: Path, target: Path, changes: Mapping[str, Change]) -> None:
    """Copy an archive, some of its files changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            new.writestr(item, changes[item.filename](content) if item.filename in changes else content)


def _with_code(source: str, code: str) -> str:
    """``source`` with ``code`` before its first import that is not from ``__future__``."""
    first = next(
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.Import) or (isinstance(node, ast.ImportFrom) and node.module != "__future__")
    )
    lines = source.splitlines(keepends=True)
    return "".join([*lines[: first.lineno - 1], code, "\n", *lines[first.lineno - 1 :]])
