"""Looks at the stack's processes from time to time: memory, descriptors, threads; and at its logs."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import psutil

from scripts.bench.processes import memory_of, tree
from scripts.bench.servers import worker_names
from scripts.errors import UserError
from scripts.processes import ProcessRecord, read_records
from scripts.settings import Settings

EVERY_SECONDS = 5.0
_OTHER = "other"


@dataclass(frozen=True)
class Sample:
    """One process at one moment.

    ``at`` in seconds from the beginning, ``created`` since the epoch. In MB (10⁶ bytes): ``kept`` is its share of
    memory that cannot be dropped (Pss_Anon and Pss_Shmem of ``/proc/PID/smaps_rollup``), ``pss`` its share of all.
    """

    at: float
    part: str
    pid: int
    created: float
    kept: float
    pss: float
    descriptors: int
    threads: int


class Sampler(threading.Thread):
    """Takes samples until it is told to end: ``samples`` of processes, ``logs`` as seconds and bytes."""

    def __init__(self, settings: Settings, every: float = EVERY_SECONDS) -> None:
        super().__init__(daemon=True)
        self.samples: list[Sample] = []
        self.logs: list[tuple[float, int]] = []
        self._settings = settings
        self._every = every
        self._workers: dict[int, str] = {}
        self._ending = threading.Event()

    def run(self) -> None:
        """Take samples, at even times."""
        start = time.monotonic()
        count = 0
        while not self._ending.wait(max(0.0, start + count * self._every - time.monotonic())):
            at = time.monotonic() - start
            self._sample(at)
            self.logs.append((at, log_bytes(self._settings)))
            count = int((time.monotonic() - start) / self._every) + 1

    def end(self) -> None:
        """Take no more."""
        self._ending.set()
        self.join()

    def _sample(self, at: float) -> None:
        records = read_records(self._settings.run_dir / "stack.json")
        processes = tree(record.pid for record in records.values())
        self._learn(processes, records)
        for process in processes:
            try:
                part = self._part(process, records)
                found = memory_of(process)
                if found:
                    figures = (found.kept, found.pss, process.num_fds(), process.num_threads())
                    self.samples.append(Sample(at, part, process.pid, process.create_time(), *figures))
            except psutil.NoSuchProcess:
                continue

    def _learn(self, processes: list[psutil.Process], records: Mapping[str, ProcessRecord]) -> None:
        """Ask TorchServe which model a new child of it works for."""
        torchserve = records.get("torchserve")
        children = {process.pid for process in processes if torchserve and _parent(process) == torchserve.pid}
        if not children <= self._workers.keys():
            try:
                self._workers = worker_names(self._settings)
            except UserError:
                return  # it is just being started

    def _part(self, process: psutil.Process, records: Mapping[str, ProcessRecord]) -> str:
        for name, record in records.items():
            if record.pid == process.pid:
                return {"torchserve": "TorchServe (JVM)", "proxy": "nginx master"}.get(name, name)
        proxy = records.get("proxy")
        if proxy and _parent(process) == proxy.pid:
            return "nginx worker"
        return self._workers.get(process.pid, _OTHER)


def log_bytes(settings: Settings) -> int:
    """The size of all files in the log folder."""
    total = 0
    for path in settings.log_dir.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue  # rotated away meanwhile
    return total


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None
