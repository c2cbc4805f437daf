"""Memory and processor time of a tree of processes, from Linux's /proc."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.bench.machine import cores

_KIB = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True)
class Memory:
    """One process's share of memory in MB (10⁶ bytes).

    ``pss`` counts each page divided by the number of processes that map it. ``anon`` and ``shmem`` are the parts
    of it that cannot be dropped (the rest can be read from a file again).
    """

    pid: int
    name: str
    pss: float
    anon: float
    shmem: float

    @property
    def kept(self) -> float:
        """What cannot be dropped."""
        return self.anon + self.shmem


def tree(roots: Iterable[int]) -> list[psutil.Process]:
    """The processes ``roots`` and all their descendants that run now."""
    found: dict[int, psutil.Process] = {}
    for pid in roots:
        try:
            root = psutil.Process(pid)
            found.update({process.pid: process for process in [root, *root.children(recursive=True)]})
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def memory(roots: Iterable[int], names: Mapping[int, str]) -> list[Memory]:
    """Measure a tree; ``names`` of processes by id, others are called by their command."""
    found = (memory_of(process, names.get(process.pid)) for process in tree(roots))
    return [measured for measured in found if measured]


def cpu_seconds(roots: Iterable[int]) -> float:
    """User and system time a tree has spent so far."""
    total = 0.0
    for process in tree(roots):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


class Meter:
    """Measures processor time over a ``with`` block: of some processes with all their descendants, and of all others.

    Afterwards ``cpu`` holds the seconds of the former, ``capacity`` what all cores could have spent, and ``foreign``
    the part of that which went to others, other tenants of the hardware included.
    """

    def __init__(self, roots: Iterable[int]) -> None:
        self._roots = list(roots)
        self.cpu = self.capacity = self.foreign = 0.0

    def __enter__(self) -> Meter:
        self._before = self._look()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, machine, cpu = (after - before for after, before in zip(self._look(), self._before, strict=True))
        self.cpu = cpu
        self.capacity = seconds * cores()
        self.foreign = max(0.0, (machine - cpu) / self.capacity)

    def _look(self) -> tuple[float, float, float]:
        times = psutil.cpu_times()
        busy = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
        return time.perf_counter(), busy, cpu_seconds(self._roots)


def parse_rollup(text: str) -> dict[str, float]:
    """The fields of a ``smaps_rollup`` file in MB."""
    return {name: int(kib) * 1024 / 1e6 for name, kib in _KIB.findall(text)}


def memory_of(process: psutil.Process, name: str | None = None) -> Memory | None:
    """Measure one process, called by its command without a ``name``; None if it has ended meanwhile."""
    try:
        fields = parse_rollup(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
        called = name or process.name()
        return Memory(process.pid, called, pss=fields["Pss"], anon=fields["Pss_Anon"], shmem=fields["Pss_Shmem"])
    except (OSError, KeyError, psutil.NoSuchProcess):
        return None
