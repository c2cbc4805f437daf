"""The project's commands, run as a user would, and the programs of the system they need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from scripts.settings import ROOT


def run_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m scripts.<arguments>`` as a user would, and capture what it prints."""
    module, *rest = arguments
    return subprocess.run(
        [sys.executable, "-m", f"scripts.{module}", *rest],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=600,
    )


def run_unread(
    command: Sequence[str | Path], environment: dict[str, str], folder: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run a command whose standard output nobody reads any more; what it says on standard error is captured."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writer)


def program_is_missing(remedy: str) -> NoReturn:
    """End a test that needs a program of the system: skipped on a person's machine, failed in CI."""
    if os.environ.get("CI"):
        pytest.fail(remedy)
    pytest.skip(remedy)
