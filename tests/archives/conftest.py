"""The first build of a small site, and copies of it to change."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from tests.archives.colour_site import NAME
from tests.archives.colours import fitted, write_pictures
from tests.archives.workshop import Outcome, Workshop, prepare
from tests.support.processes import one_at_a_time
from tests.support.unpacked_archive import ARCHITECTURE, EMOTIONS


@pytest.fixture(scope="session")
def first_outcome(run_folder: Path) -> tuple[Workshop, Outcome]:
    """Two good checkpoints and one full of NaN, built once in a run of the tests, and what that printed.

    The folder's name holds what archivers take for patterns.
    """
    workshop, printed = Workshop(run_folder / "a, b [c]*"), run_folder / "first-build.json"
    with one_at_a_time("first-build"):
        if not printed.exists():
            prepare(workshop.folder)
            printed.write_text(json.dumps(workshop.make()))
    code, output, errors = json.loads(printed.read_text())
    return workshop, (code, output, errors)


@pytest.fixture(scope="session")
def first_build(first_outcome: tuple[Workshop, Outcome]) -> Workshop:
    """The workshop of the first build, not to be changed."""
    return first_outcome[0]


@pytest.fixture
def workshop(first_build: Workshop, tmp_path: Path) -> Workshop:
    """A copy of the first build, to be changed."""
    shutil.copytree(first_build.folder, tmp_path / "copy", dirs_exist_ok=True)
    return Workshop(tmp_path / "copy")


@pytest.fixture(scope="module")
def base(run_folder: Path) -> Workshop:
    """One model with its float32 archive, and pictures with their labels; not to be changed."""
    workshop = Workshop(run_folder / "colours")
    with one_at_a_time("colours"):
        if not workshop.store.exists():
            for place in ("home", "tmp", "results"):
                (workshop.folder / place).mkdir(parents=True)
            entry = {"architecture": ARCHITECTURE, "dataset": "colours", "emotions": list(EMOTIONS)}
            workshop.catalogue_file.write_text(json.dumps({NAME: entry}))
            torch.save(fitted(), workshop.checkpoint(NAME))
            write_pictures(workshop.folder / "pictures", each=15)  # a few more than the gate asks for
            code, output, errors = workshop.make()
            assert code == 0, output + errors
    return workshop


@pytest.fixture
def site(base: Workshop, tmp_path: Path) -> Workshop:
    """A copy of it, to be changed."""
    shutil.copytree(base.folder, tmp_path / "site")
    return Workshop(tmp_path / "site")
