"""The real stack, started as a user would, on free ports."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.settings import Settings, load_settings
from scripts.stack.guard import guarded
from tests.support.commands import run_command
from tests.support.ports import free_ports

READY, DEGRADED = 0, 3

running: list[RunningStack] = []
"""The stacks that run now, for the reports of tests that fail."""


@dataclass(frozen=True)
class RunningStack:
    """A stack some test talks to. ``environment`` is what its commands were given."""

    settings: Settings
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.settings.url

    def keys(self) -> dict[str, str]:
        """TorchServe's tokens by purpose: management, inference."""
        return {name: entry["key"] for name, entry in json.loads(self.settings.key_file.read_text()).items()}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m scripts.<arguments>`` for this stack."""
        return run_command(self.environment, *arguments)

    def logs(self) -> str:
        """The end of each of its logs, without the questions whether it lives."""
        texts = []
        for path in sorted(self.settings.log_dir.glob("*.log")):
            lines = [line for line in path.read_text(errors="replace").splitlines() if "/health/live" not in line]
            texts.append(f"==> {path.name}\n" + "\n".join(lines[-40:]))
        return "\n".join(texts)


StartStack = Callable[..., AbstractContextManager[RunningStack]]
ServeSite = Callable[..., AbstractContextManager[RunningStack]]


def stack_environment(run_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a stack with its own ports and ``run_dir``.

    Predictions may take long: a machine that other tests keep busy is no fault of the stack.
    """
    names = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    patient = {"CLIENT_REQUESTS": "0", "MAX_WAIT": "0", "PREDICT_TIMEOUT": "90"}
    return {**os.environ, "RUN_DIR": str(run_dir), "STAND_INS": "allowed", **patient, **ports, **settings}


def clear_run_dir(run_dir: Path, unpacked: Path | None) -> None:
    """Remove what a stack left in ``run_dir``; archives that lie unpacked in ``unpacked`` get a second name there."""
    shutil.rmtree(run_dir, ignore_errors=True)
    if unpacked:
        shutil.copytree(unpacked, run_dir, copy_function=os.link)


@contextlib.contextmanager
def running_stack(run_dir: Path, unpacked: Path | None = None, **settings: str) -> Generator[RunningStack]:
    """Start a stack in a new ``run_dir``, yield it, and stop it whatever happens.

    Archives that lie unpacked in the run directory ``unpacked`` need not be unpacked again.
    """
    clear_run_dir(run_dir, unpacked)
    environment = stack_environment(run_dir, **settings)
    stack = RunningStack(load_settings(environment), environment)
    with guarded(stack.settings):
        yield from _running(stack)


def _running(stack: RunningStack) -> Generator[RunningStack]:
    try:
        started = stack.command("stack", "start")
        if started.returncode not in (READY, DEGRADED):
            pytest.fail(f"the stack did not start:\n{started.stdout}{started.stderr}\n{stack.logs()}")
        running.append(stack)
        yield stack
    finally:
        if stack in running:
            running.remove(stack)
        stack.command("stack", "stop")
