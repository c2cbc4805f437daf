"""What the control groups of this process allow of processors and memory: versions 1 and 2, and groups within groups.

https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/scheduler/sched-bwc.html (processor time in
version 1) and https://docs.kernel.org/admin-guide/cgroup-v1/memory.html.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
_NO_LIMIT = 1 << 60  # version 1 says so with a number as large as this


def available_cpus() -> int:
    """How many processors can be kept busy: those this process may run on, or its share of their time, rounded up.

    Rounded as the JVM and Go do it, so that no part of a quota is left unused.
    """
    own = len(os.sched_getaffinity(0))
    quotas = [quota for folder in _folders("cpu") if (quota := _quota(folder)) is not None]
    return max(1, min(own, *(math.ceil(quota) for quota in quotas))) if quotas else own


@dataclass(frozen=True)
class MemoryGroup:
    """The group with the least memory, all in bytes: its ``limit``, and where its use is told.

    ``idle`` is the line of ``stat`` that tells of files' pages which are freed when memory is short.
    """

    limit: int
    limit_file: Path
    use_file: Path
    stat_file: Path
    idle: str

    @property
    def use(self) -> int:
        """What the group uses, pages of files included."""
        return _number(self.use_file) or 0


def memory_group() -> MemoryGroup | None:
    """The group of this process whose memory is limited most; None without a limit."""
    groups = [group for folder in _folders("memory") for group in _memory(folder) if group.limit < _NO_LIMIT]
    return min(groups, key=lambda group: group.limit, default=None)


def _folders(controller: str) -> list[Path]:
    """Of each hierarchy that may limit ``controller``, the groups of this process, from its own up to the root.

    In a container its own group may be the root of what it sees, whatever its path says.
    """
    try:
        lines = MEMBERSHIP.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = ["0::/"]
    found = [folder for line in lines for folder in _of_line(line, controller)]
    return [folder for folder in dict.fromkeys(found) if folder.is_dir()]


def _of_line(line: str, controller: str) -> Iterator[Path]:
    number, controllers, path = line.split(":", 2)
    if controller in controllers.split(","):
        roots = [ROOT / controllers, ROOT / controller]
    elif number == "0" and not controllers:
        roots = [ROOT, ROOT / "unified"]
    else:
        return
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for root in roots:
        for count in range(len(parts), -1, -1):
            yield root.joinpath(*parts[:count])


def _quota(folder: Path) -> float | None:
    """Processors' time in a unit of time; None without a limit."""
    quota, _, period = _text(folder / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() and int(period) else None


def _memory(folder: Path) -> Iterator[MemoryGroup]:
    names = (
        ("memory.max", "memory.current", "inactive_file"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    )
    for limit, use, idle in names:
        if value := _number(folder / limit):
            yield MemoryGroup(value, folder / limit, folder / use, folder / "memory.stat", idle)


def _number(file: Path) -> int | None:
    text = _text(file)
    return int(text) if text.isdigit() else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except OSError:
        return ""
