"""Restarts, as people do them and as a power failure does, and what is registered afterwards."""

from __future__ import annotations

import os
import signal
from typing import Any

from scripts.processes import read_records
from tests.lifecycle.listing import all_rows
from tests.support.polling import poll
from tests.support.sites import Site, repack
from tests.support.stacks import READY, RunningStack

GUEST = "Guest"


def listed(stack: RunningStack) -> list[tuple[Any, ...]]:
    """Model, version, whether it is the default, and workers, of all that is registered."""
    rows = [row for row in all_rows(stack) if row["version"]]
    return sorted((row["model"], row["version"], row["default"], row["workers"]) for row in rows)


def restart(stack: RunningStack, expected: int = READY) -> str:
    """Stop and start the stack; returns what the start printed."""
    stack.command("stack", "stop")
    started = stack.command("stack", "start")
    assert started.returncode == expected, started.stdout + started.stderr
    return started.stdout


def kill(stack: RunningStack) -> None:
    """End everything as a power failure does."""
    records = read_records(stack.settings.run_dir / "stack.json")
    for record in reversed(records.values()):  # the supervisor first: it would bring back the others
        os.killpg(os.getpgid(record.pid), signal.SIGKILL)
        poll(lambda record=record: not record.alive, seconds=10)  # type: ignore[misc]


def guest(site: Site) -> str:
    """An archive of a model that is not in the catalogue."""
    archive = repack(site.store / "MobileNetV2_FER2013.mar", site.store / f"{GUEST}.mar", "7", name=GUEST)
    return archive.name
