"""A catalogue, checkpoints and a model store of a test's own, and archives made from others."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.commands import run_command

SERVED = "MobileNetV2_CK+48"
OTHER = "MobileNetV2_FER2013"
ARCHIVE = "MobileNetV2_CKplus48"


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
    def catalogue(self) -> Path:
        return self.folder / "models.json"

    @property
    def environment(self) -> dict[str, str]:
        """The settings of a stack that serves this site."""
        return {
            "CATALOGUE": str(self.catalogue),
            "RESULTS_DIR": str(self.results),
            "MODEL_STORE": str(self.store),
            "RUN_DIR": str(self.folder / "run"),
        }

    def build(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the build, which must succeed."""
        built = run_command({**os.environ, **self.environment}, "archives", *arguments)
        assert built.returncode == 0, built.stdout + built.stderr
        return built

    def copy(self, folder: Path) -> Site:
        """A site of the same contents that may be changed."""
        shutil.rmtree(folder, ignore_errors=True)
        for part in ("model_store", "results"):
            shutil.copytree(self.folder / part, folder / part, ignore=shutil.ignore_patterns(".*"))
        shutil.copy2(self.catalogue, folder)
        return Site(folder)

    def take_checkpoint(self, name: str, source: Path) -> None:
        """Let the model's next archive be made from another file."""
        shutil.copyfile(source, self.results / f"{name}_best.pt")


def repack(
    source: Path, target: Path, version: str, replace: dict[str, str] | None = None, *, name: str | None = None
) -> Path:
    """Write an archive like ``source``, of another version (and name), with some files replaced, and its checksum."""
    model = {"modelVersion": version} | ({"modelName": name} if name else {})
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for item in old.infolist():
            content = old.read(item)
            if item.filename == "MAR-INF/MANIFEST.json":
                content = _changed(content, lambda manifest: manifest["model"].update(model))
            elif item.filename == "model.json":
                content = _changed(content, lambda description: description.update(version=version))
            if replace and item.filename in replace:
                content = replace[item.filename].encode()
            new.writestr(item, content)
    write_checksum(target)
    return target


def write_checksum(archive: Path) -> None:
    """Put a checksum file beside an archive."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    archive.with_name(f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n")


def _changed(content: bytes, change: Any) -> bytes:
    value = json.loads(content)
    change(value)
    return json.dumps(value).encode()
