"""What the samples and answers of a soak say: which processes grow, and what should not have happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.bench.soak.faults import CHANGE, NGINX, Fault
from scripts.bench.soak.samples import EVERY_SECONDS, Sample
from scripts.bench.soak.slope import Slope, slope

# Of growth up to this nobody has to know: a worker has some 250 MB left of what WORKER_BYTES in scripts/memory.py
# plans for it, which would last a day.
TOLERATED_MB_PER_HOUR = 10.0
# Growth over fewer minutes says nothing about the next hour.
_TELLING_MINUTES = 20.0
# A connection that nginx's worker had ends with it, at once.
_CUT_OFF_SECONDS = 5.0

GROWS, STEADY, UNCLEAR = "leak suspected", "steady", "cannot tell"


@dataclass(frozen=True)
class Phases:
    """The parts of a soak, in seconds: all of it, when the rare kills end, and how long a process warms up."""

    seconds: float
    calm_from: float
    warm_up: float

    @classmethod
    def of(cls, seconds: float) -> Phases:
        """A third with every kill, and ten minutes or a sixth for each process to reach its usual size."""
        return cls(seconds, seconds / 3, min(600.0, seconds / 6))

    @property
    def block(self) -> float:
        """Seconds over which samples are averaged: a minute, less in a short soak."""
        return max(3 * EVERY_SECONDS, min(60.0, (self.seconds - self.calm_from - self.warm_up) / 20))


@dataclass(frozen=True)
class Life:
    """A process that lived to the end: mean of the first and last block (MB, descriptors, threads), and the slope.

    ``minutes`` are those it was judged by, after its warm-up.
    """

    part: str
    minutes: float
    kept: tuple[float, float]
    descriptors: tuple[float, float]
    threads: tuple[float, float]
    slope: Slope

    @property
    def verdict(self) -> str:
        """Whether it grows."""
        return verdict(self.slope, self.minutes)


def verdict(found: Slope, minutes: float) -> str:
    """A leak is suspected of what surely grows, and by more than is tolerated as far as one can tell."""
    if minutes < _TELLING_MINUTES:
        return UNCLEAR
    if found.low > 0 and found.hourly > TOLERATED_MB_PER_HOUR:
        return GROWS
    return STEADY if found.high <= TOLERATED_MB_PER_HOUR else UNCLEAR


def lives(samples: Sequence[Sample], phases: Phases) -> list[Life]:
    """Every process that lived through the calm part, warm-up left out; and the sum of them, which comes last."""
    grouped: dict[tuple[int, float], list[Sample]] = {}
    for sample in samples:
        grouped.setdefault((sample.pid, sample.created), []).append(sample)
    end = max((sample.at for sample in samples), default=0.0)
    judged = [late for one in grouped.values() if (late := _judged(one, phases, end))]
    found = [life for one in judged if (life := _life(one[-1].part, one, phases.block))]
    found.sort(key=lambda life: life.part)
    together = _together(judged)
    total = _life("all of these", together, phases.block) if len(found) > 1 else None
    return [*found, total] if total else found


def _judged(one: Sequence[Sample], phases: Phases, end: float) -> list[Sample]:
    """The samples after the warm-up, if the process lived from the calm part's first half to the end."""
    since = max(one[0].at, phases.calm_from) + phases.warm_up
    late = [sample for sample in one if sample.at >= since]
    whole = end - phases.calm_from - phases.warm_up
    lived = late and late[-1].at >= end - 2 * EVERY_SECONDS and end - since >= whole / 2
    return late if lived else []


def _life(part: str, late: Sequence[Sample], block: float) -> Life | None:
    if not late or not (found := slope([s.at for s in late], [s.kept for s in late], block)):
        return None
    start, end = late[0].at, late[-1].at
    first = [sample for sample in late if sample.at < start + block]
    last = [sample for sample in late if sample.at > end - block]

    def ends(name: str) -> tuple[float, float]:
        means = [sum(getattr(s, name) for s in block) / len(block) for block in (first, last)]
        return means[0], means[1]

    return Life(part, (end - start) / 60, ends("kept"), ends("descriptors"), ends("threads"), found)


def _together(judged: Sequence[Sequence[Sample]]) -> list[Sample]:
    """The sums at the moments when all of them were looked at."""
    rows = [{round(sample.at / EVERY_SECONDS): sample for sample in one} for one in judged]
    moments = sorted(set.intersection(*(set(row) for row in rows))) if rows else []
    return [
        Sample(
            moment * EVERY_SECONDS,
            "",
            0,
            0.0,
            sum(row[moment].kept for row in rows),
            sum(row[moment].pss for row in rows),
            sum(row[moment].descriptors for row in rows),
            sum(row[moment].threads for row in rows),
        )
        for moment in moments
    ]


@dataclass(frozen=True)
class Part:
    """All processes of a part: how many there were, and the most that one of them had (MB, descriptors, threads)."""

    name: str
    processes: int
    kept: float
    descriptors: int
    threads: int


def parts(samples: Sequence[Sample]) -> list[Part]:
    """The largest process of each part, whether it lived to the end or not."""
    grouped: dict[str, list[Sample]] = {}
    for sample in samples:
        grouped.setdefault(sample.part, []).append(sample)
    return [
        Part(
            name,
            len({(sample.pid, sample.created) for sample in group}),
            max(sample.kept for sample in group),
            max(sample.descriptors for sample in group),
            max(sample.threads for sample in group),
        )
        for name, group in sorted(grouped.items())
    ]


def problems(load: Mapping[str, Any], faults: Sequence[Fault]) -> list[str]:
    """What should not have happened: wrong answers, lost connections that no kill explains, versions that stayed."""
    kills = [fault.at for fault in faults if fault.what == NGINX]
    found = [f"{answer['kind']} was answered with {answer['text']}" for answer in load["unexpected"]]
    found += [
        f"{lost['kind']}: the connection was lost ({lost['text']})"
        for lost in load["cut_off"]
        if not any(-1 <= lost["at"] - kill <= _CUT_OFF_SECONDS for kill in kills)
    ]
    if load["in_flight"]:
        found.append(f"{load['in_flight']:g} predictions count as under way although nobody asks any more")
    return found + [f"{CHANGE}: {fault.detail}" for fault in faults if not fault.well]
