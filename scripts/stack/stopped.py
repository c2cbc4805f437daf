"""Processes that somebody stopped, as ``kill -STOP`` does: they keep their connections and answer none."""

from __future__ import annotations

import time
from collections.abc import Iterable

import psutil


class StoppedProcesses:
    """Knows how long processes have been stopped."""

    def __init__(self, patience: float) -> None:
        """A process may be stopped for ``patience`` seconds, as by a debugger."""
        self._patience = patience
        self._since: dict[psutil.Process, float] = {}

    def end(self, processes: Iterable[psutil.Process]) -> list[int]:
        """Kill those of ``processes`` that were stopped at every look for too long; their ids."""
        now = time.monotonic()
        stopped = {process for process in processes if _is_stopped(process)}
        self._since = {process: self._since.get(process, now) for process in stopped}
        late = [process for process in stopped if now - self._since[process] > self._patience]
        for process in late:
            process.kill()
        return [process.pid for process in late]


def _is_stopped(process: psutil.Process) -> bool:
    try:
        return process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.NoSuchProcess:
        return False
