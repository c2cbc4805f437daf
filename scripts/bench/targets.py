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
    """What one architecture is to reach in one precision.

    ``within``: one client's p50 in times an image of the pipeline alone; ``share``: of its rate at 8 clients;
    ``p50_ratio`` and ``rate_ratio``: times better than the reference, at one client and at 8.
    """

    within: float
    share: float
    rate_ratio: float
    p50_ratio: float | None = None


PROMISES = {
    ("MobileNetV2", EXACT): Promise(within=1.5, share=0.80, rate_ratio=3.0, p50_ratio=1.75),
    ("ResNet50", EXACT): Promise(within=1.15, share=0.92, rate_ratio=1.35, p50_ratio=1.25),
    ("VGG19", EXACT): Promise(within=1.05, share=0.95, rate_ratio=1.3, p50_ratio=1.15),
    # Of processors with AVX512-BF16 and VNNI, but without AMX.
    ("MobileNetV2", "bf16"): Promise(within=1.5, share=0.75, rate_ratio=3.8),
    ("ResNet50", "bf16"): Promise(within=1.15, share=0.85, rate_ratio=2.5),
    ("VGG19", "bf16"): Promise(within=1.05, share=0.92, rate_ratio=2.6),
    ("MobileNetV2", "int8"): Promise(within=1.5, share=0.75, rate_ratio=4.5),
    ("ResNet50", "int8"): Promise(within=1.15, share=0.85, rate_ratio=4.2),
    ("VGG19", "int8"): Promise(within=1.05, share=0.92, rate_ratio=4.5),
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


def find_case(
    result: dict[str, Any], title: str, clients: int, image: str = "frame", precision: str = EXACT
) -> dict[str, Any] | None:
    """One measured case, if it was measured and answered."""
    for case in result["cases"]:
        found = (case["title"], case["clients"], case["image"], case["precision"])
        if found == (title, clients, image, precision) and case["stack"]["p50"]:
            return dict(case)
    return None


def _load(result: dict[str, Any]) -> Iterator[Target]:
    for (name, precision), promise in PROMISES.items():
        title = name if precision == EXACT else f"{name}, {precision}"
        one, eight = (find_case(result, name, clients, precision=precision) for clients in (1, 8))
        if one:
            yield from _one_client(title, one, promise)
        if eight:
            yield from _eight_clients(title, eight, promise, _against_reference(result, name, eight))
        if precision == EXACT and eight and (many := find_case(result, name, 32)):
            kept = many["ratios"]["share"] / eight["ratios"]["share"]
            yield Target(f"{name}, throughput of 32 clients against 8", kept, _NOISE, "{:.2f} times", False)


def _one_client(title: str, case: dict[str, Any], promise: Promise) -> Iterator[Target]:
    p50, above = case["stack"]["p50"], case["ratios"]["above_pipeline"]
    yield Target(f"{title}, p50 against the pipeline alone", p50 / (p50 - above), promise.within, "{:.2f} times", True)
    if promise.p50_ratio:
        ratio = case["ratios"]["reference"]["p50"]
        yield Target(f"{title}, p50 against the reference", ratio, promise.p50_ratio, "{:.2f} times", False)
    yield Target(f"{title}, p50 against the peer", case["ratios"]["peer"]["p50"], 1, "{:.2f} times", False)


def _eight_clients(title: str, case: dict[str, Any], promise: Promise, against: float | None) -> Iterator[Target]:
    ratios, stack = case["ratios"], case["stack"]
    yield Target(f"{title}, 8 clients, share of the pipeline alone", ratios["share"], promise.share, "{:.0%}", False)
    if against is not None:
        yield Target(f"{title}, 8 clients, against the reference", against, promise.rate_ratio, "{:.2f} times", False)
    yield Target(f"{title}, 8 clients, against the peer", ratios["peer"]["rate"], 1, "{:.2f} times", False)
    yield Target(f"{title}, 8 clients, p99 / p50", stack["p99"] / stack["p50"], TAIL, "{:.2f}", True)


def _against_reference(result: dict[str, Any], name: str, case: dict[str, Any]) -> float | None:
    """Times the reference's requests a second; in fewer bits by way of float32, which was measured beside both."""
    exact = find_case(result, name, case["clients"])
    if not exact:
        return None
    ratio = float(exact["ratios"]["reference"]["rate"])
    return ratio if case["precision"] == EXACT else ratio * float(case["ratios"]["f32"]["rate"])


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
