"""Hosts with a model store each: small archives with records, as a build leaves them, and the commands run there."""

from __future__ import annotations

import io
import json
import os
import subprocess
import zipfile
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from unittest.mock import patch

from scripts.catalogue import Model, load_catalogue
from scripts.files import sha256
from scripts.settings import Settings, load_settings
from scripts.store.index import index_entry, read_index, write_index
from scripts.store.records import Record, place
from scripts.transfer.__main__ import main

NAMES = ("MobileNetV2_A", "MobileNetV2_B")
SIZE = 10_000_000  # more than one chunk of an upload


@dataclass
class Host:
    """A folder with a catalogue of NAMES and a model store; ``environment`` has what else its commands are told."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store.mkdir(parents=True, exist_ok=True)
        entries = {name: {"architecture": "MobileNetV2", "dataset": name[-1], "emotions": ["x", "y"]} for name in NAMES}
        (self.folder / "models.json").write_text(json.dumps(entries))

    @property
    def store(self) -> Path:
        return self.folder / "model_store"

    @property
    def settings(self) -> Settings:
        return load_settings(self.places)

    def build(self, name: str, seed: int, version: str = "1.0", *, stand_in: bool = False) -> None:
        """Put an archive of this version into the store, its weights made from ``seed``."""
        model = self._model(name)
        packed = self.folder / "packed.mar"
        manifest = {"model": {"modelName": model.archive_name, "modelVersion": version}}
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("MAR-INF/MANIFEST.json", json.dumps(manifest))
            archive.writestr("weights.bin", Random(seed).randbytes(SIZE))
        record = Record({"version": version, "runtime": "openvino"}, stand_in, sha256(packed))
        place(self.store, model, packed, record)
        entries = read_index(self.settings.index_file)
        write_index(self.settings.index_file, {**entries, name: index_entry(model, record, None, stand_ins=True)})

    def archive(self, name: str) -> Path:
        return self.store / self._model(name).archive_file

    def contents(self) -> dict[str, str]:
        """What a host that serves reads: the SHA-256 of the files by their names."""
        kinds = (".mar", ".sha256", ".sig", ".build.json", "index.json")
        return {file.name: sha256(file) for file in self.store.iterdir() if file.name.endswith(kinds)}

    def transfer(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m scripts.transfer`` there, in this process, which is quicker."""
        output, errors = io.StringIO(), io.StringIO()
        told = {**self.places, **settings}
        with patch.dict(os.environ, told), redirect_stdout(output), redirect_stderr(errors):
            code = main(arguments)
        return subprocess.CompletedProcess(arguments, code, output.getvalue(), " ".join(errors.getvalue().split()))

    def push(self, address: str, *arguments: str) -> str:
        """Push, which must succeed; returns what was said."""
        done = self.transfer("push", address, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def pull(self, address: str, **settings: str) -> str:
        """Pull, which must succeed; returns what was said."""
        done = self.transfer("pull", address, **settings)
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def places(self) -> dict[str, str]:
        return {
            "CATALOGUE": str(self.folder / "models.json"),
            "MODEL_STORE": str(self.store),
            "RUN_DIR": str(self.folder / "run"),
            "RESULTS_DIR": str(self.folder),
            "HOME": str(self.folder),
            **self.environment,
        }

    def _model(self, name: str) -> Model:
        return load_catalogue(self.folder / "models.json")[name]
