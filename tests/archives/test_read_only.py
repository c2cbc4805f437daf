"""A model store that nobody may write: it serves if it is up to date, and else the command says what to do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from scripts.settings import ROOT
from tests.archives.workshop import Workshop

# Root may write where the rights forbid it, but not on a disk that is mounted read-only.
MOUNTED = 'mount --bind "$MODEL_STORE" "$MODEL_STORE" && mount -o remount,ro,bind "$MODEL_STORE" && exec "$@"'


def make(workshop: Workshop, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``make archives`` where the store cannot be written."""
    command = [sys.executable, "-m", "scripts.archives", *arguments]
    if os.geteuid() == 0:
        if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nobody mount a folder read-only")
        command = ["unshare", "--mount", "sh", "-c", MOUNTED, "sh", *command]
    workshop.store.chmod(0o555)
    try:
        return subprocess.run(
            command, cwd=ROOT, env=workshop.environment, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        workshop.store.chmod(0o755)


def test_a_read_only_store_that_is_up_to_date_is_left_as_it_is(workshop: Workshop) -> None:
    before = workshop.files()
    done = make(workshop, "--model", "Mini_A", "--model", "Mini_B+")
    assert (done.returncode, done.stdout) == (0, "The archives in store/ are up to date (2 of 2).\n"), done.stderr
    assert workshop.files() == before


def test_what_has_to_be_built_into_a_read_only_store_is_named_with_the_remedy(workshop: Workshop) -> None:
    before = workshop.files()
    done = make(workshop, "--model", "Mini_A", "--archive-version", "2.0")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"MODEL_STORE={workshop.store}: is read-only, but Mini_A.mar has to be built (asked for; version 2.0); make "
        "the folder writable, or set MODEL_STORE to another one\n"
    )
    assert workshop.files() == before
