"""A site with three small models, and builds of it as a user starts them; each is a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.archives.changes import Build
from scripts.archives.versions import Request
from scripts.checkpoints.calibration import calibrated_state_dict
from scripts.files import sha256
from scripts.settings import ROOT
from tests.support.sites import Site

CATALOGUE: dict[str, dict[str, Any]] = {
    "Mini_A": {"architecture": "MobileNetV2", "dataset": "A", "emotions": ["sad", "happy", "calm"], "accuracy": 50.0},
    "Mini_B+": {"architecture": "MobileNetV2", "dataset": "B+", "emotions": ["yes", "no"]},
    "Mini_C": {"architecture": "MobileNetV2", "dataset": "C", "emotions": ["on", "off"]},
}
BAD = "Mini_C_best.pt: classifier.1.bias has 2 of 2 weights that are NaN; training diverged, use an earlier checkpoint"

Outcome = tuple[int, str, str]
"""What a build ended with: its exit code, its output, its errors."""


@dataclass(frozen=True)
class Workshop(Site):
    """A site whose builds may fail."""

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    def environment(self) -> dict[str, str]:
        """The settings, with a home and a temporary folder that must stay empty."""
        own = {name: str(self.folder / place) for name, place in (("HOME", "home"), ("TMPDIR", "tmp"))}
        return {**os.environ, **super().environment, **own, "COLUMNS": "220", "RUNTIME": "openvino"}

    def write_catalogue(self, **entries: Any) -> None:
        self.catalogue_file.write_text(json.dumps({**CATALOGUE, **entries}))

    def start(self, *arguments: str, stand_ins: str = "allowed") -> subprocess.Popen[str]:
        """Start ``make archives`` in a process group of its own, with STAND_INS as given."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.archives", *arguments],
            cwd=ROOT,
            env={**self.environment, "STAND_INS": stand_ins},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def make(self, *arguments: str, stand_ins: str = "allowed") -> Outcome:
        """Run ``make archives``, whatever comes of it."""
        process = self.start(*arguments, stand_ins=stand_ins)
        output, errors = process.communicate(timeout=600)
        return process.returncode, output, errors

    def planned(
        self, request: Request | None = None, *, runtime: str = "openvino", version: str | None = None
    ) -> dict[str, str]:
        """Why each model would be built now; a model that is up to date or cannot be built is not in it."""
        build = Build(self.settings, self.catalogue, runtime)
        asked = request or Request(version)
        plans = {name: build.plan(model, asked) for name, model in self.catalogue.items()}
        return {name: plan.reason for name, plan in plans.items() if plan}

    def files(self) -> dict[str, str]:
        """The store's files with their content's hash; not the lock, nor the record of digests, which has times."""
        files = [path for path in self.store.iterdir() if path.is_file()]
        return {path.name: sha256(path) for path in files if path.name not in (".lock", "digests.json")}


def prepare(folder: Path) -> Workshop:
    """A new workshop with three checkpoints, the last of them full of NaN."""
    workshop = Workshop(folder)
    for place in ("home", "tmp", "results"):
        (folder / place).mkdir(parents=True)
    workshop.write_catalogue()
    for seed, (name, entry) in enumerate(CATALOGUE.items()):
        torch.save(calibrated_state_dict("MobileNetV2", len(entry["emotions"]), seed), workshop.checkpoint(name))
    bad = torch.load(workshop.checkpoint("Mini_C"), weights_only=True)
    bad["classifier.1.bias"][:] = float("nan")
    torch.save(bad, workshop.checkpoint("Mini_C"))
    return workshop
