"""What the project promises of its speed, and whether a run kept it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from scripts.precision import EXACT

ANSWERS = 1e-4
READY_SECONDS = 12.0
KEPT_MEMORY_MB = 3000.0
BUILD_SECONDS = 90.0
REBUILD_SECONDS = 10.0
TAIL = 2.0
# Slices of load differ by a few per cent on a quiet machine; throughput is compared as a share of the pipeline alone,
# since the machine's own speed drifts from one case to the next.
_NOISE = 0.97


@dataclass(frozen=True)
class Promise:
    """What one architecture is to reach: at one client and at 8, against the pipeline alone and the reference."""

    above_pipeline: float
    p50_ratio: float
    share: float
    rate_ratio: float


PROMISES = {
    "MobileNetV2": Promise(above_pipeline=5, p50_ratio=1.75, share=0.65, rate_ratio=3.0),
    "ResNet50": Promise(above_pipeline=5, p50_ratio=1.25, share=0.90, rate_ratio=1.35),
    "VGG19": Promise(above_pipeline=7, p50_ratio=1.15, share=0.93, rate_ratio=1.3),
}


@dataclass(frozen=True)
class Target:
    """One promise and its measured value; ``form`` is the format both are written in."""

    title: str
    value: float
    limit: float
    form: str
    at_most: bool

    @property
    def reached(self) -> bool:
        """Whether the value keeps the promise."""
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Title, value, limit, and whether it is reached."""
        limit = f"{'≤' if self.at_most else '≥'} {self.form.format(self.limit)}"
        return self.title, self.form.format(self.value), limit, "yes" if self.reached else "**no**"


def targets(result: dict[str, Any]) -> list[Target]:
    """The promises this run can tell something about."""
    return [*_load(result), *_whole(result)]


def find_case(result: dict[str, Any], title: str, clients: int, image: str = "frame") -> dict[str, Any] | None:
    """One measured case, if it was measured and answered."""
    for case in result["cases"]:
        found = (case["title"], case["clients"], case["image"], case["precision"])
        if found == (title, clients, image, EXACT) and case["stack"]["p50"]:
            return dict(case)
    return None


def _load(result: dict[str, Any]) -> Iterator[Target]:
    for name, promise in PROMISES.items():
        if one := find_case(result, name, 1):
            above, ratio = one["ratios"]["above_pipeline"], one["ratios"]["reference"]["p50"]
            yield Target(f"{name}, p50 above the pipeline alone", above, promise.above_pipeline, "{:.1f} ms", True)
            yield Target(f"{name}, p50 against the reference", ratio, promise.p50_ratio, "{:.2f} times", False)
        if eight := find_case(result, name, 8):
            share, ratio = eight["ratios"]["share"], eight["ratios"]["reference"]["rate"]
            tail = eight["stack"]["p99"] / eight["stack"]["p50"]
            yield Target(f"{name}, 8 clients, share of the pipeline alone", share, promise.share, "{:.0%}", False)
            yield Target(f"{name}, 8 clients, against the reference", ratio, promise.rate_ratio, "{:.2f} times", False)
            yield Target(f"{name}, 8 clients, p99 / p50", tail, TAIL, "{:.2f}", True)
        if eight and (many := find_case(result, name, 32)):
            kept = many["ratios"]["share"] / eight["ratios"]["share"]
            yield Target(f"{name}, throughput of 32 clients against 8", kept, _NOISE, "{:.2f} times", False)


def _whole(result: dict[str, Any]) -> Iterator[Target]:
    errors = sum(sum(case["stack"]["errors"].values()) for case in result["cases"])
    yield Target("errors under load", errors, 0, "{:.0f}", True)
    yield Target("largest difference of a probability", max(result["answers"].values()), ANSWERS, "{:.1e}", True)
    yield Target("from start to all READY", result["start"]["stack"], READY_SECONDS, "{:.1f} s", True)
    kept = sum(process["anon"] + process["shmem"] for process in result["memory"]["stack"])
    yield Target("memory that cannot be dropped", kept, KEPT_MEMORY_MB, "{:,.0f} MB", True)
    if build := result.get("build"):
        yield Target("all archives built", build["all"], BUILD_SECONDS, "{:.1f} s", True)
        yield Target("one small archive built again", build["one"], REBUILD_SECONDS, "{:.1f} s", True)
