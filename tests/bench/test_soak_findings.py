"""What a soak says of samples and answers whose truth is known."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from scripts.bench.soak.faults import CHANGE, NGINX, TORCHSERVE, WORKER, Fault, schedule, spared
from scripts.bench.soak.findings import GROWS, STEADY, UNCLEAR, Phases, lives, parts, problems, verdict
from scripts.bench.soak.report import conclusion, passed, tables
from scripts.bench.soak.samples import Sample
from scripts.bench.soak.slope import Slope, quantile_of_t, slope
from scripts.catalogue import load_catalogue
from scripts.settings import ROOT

HOUR = Phases.of(3600)


def resembling(count: int, likeness: float, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Noise of an AR(1) process of standard deviation 1, whose neighbours correlate by ``likeness``."""
    noise = random.normal(size=count)
    noise[1:] *= math.sqrt(1 - likeness**2)
    for index in range(1, count):
        noise[index] += likeness * noise[index - 1]
    return noise


@pytest.mark.parametrize("likeness", [0.0, 0.5, 0.8, 0.95])
@pytest.mark.parametrize(("seconds", "block"), [(1800, 60), (300, 15)])
def test_the_interval_holds_the_true_slope_in_some_95_of_100_series(seconds: int, block: int, likeness: float) -> None:
    random = np.random.default_rng(7)
    times = np.arange(0, seconds, 5.0)
    hits = 0
    for _ in range(300):
        found = slope(
            times.tolist(), (100 + 12 * times / 3600 + resembling(len(times), likeness, random)).tolist(), block
        )
        assert found is not None
        hits += found.low <= 12 <= found.high
    assert 0.89 <= hits / 300 <= 0.995


def test_a_line_without_noise_is_found_exactly() -> None:
    found = slope([5.0 * n for n in range(360)], [80 + 3 * 5 * n / 3600 for n in range(360)], 60)
    assert found is not None
    assert (found.hourly, found.low, found.high) == pytest.approx((3, 3, 3))
    assert found.blocks == 30


def test_too_few_blocks_have_no_slope() -> None:
    assert slope([], [], 60) is None
    assert slope([60.0 * n for n in range(5)], [1.0] * 5, 60) is None
    assert slope([60.0 * n for n in range(6)], [1.0] * 6, 60) is not None


@pytest.mark.parametrize(("freedom", "expected"), [(3, 3.182), (5, 2.571), (10, 2.228), (28, 2.048)])
def test_quantiles_of_t_are_those_of_the_tables(freedom: int, expected: float) -> None:
    assert quantile_of_t(0.975, freedom) == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    ("found", "minutes", "expected"),
    [
        (Slope(30, 12, 48, 30, 20), 30, GROWS),
        (Slope(30, 12, 48, 30, 20), 19, UNCLEAR),
        (Slope(30, -1, 61, 30, 20), 30, UNCLEAR),
        (Slope(8, 6, 10, 30, 20), 30, STEADY),
        (Slope(8, 6, 11, 30, 20), 30, UNCLEAR),
        (Slope(-40, -60, -20, 30, 20), 30, STEADY),
    ],
)
def test_only_sure_growth_above_the_limit_is_a_leak(found: Slope, minutes: float, expected: str) -> None:
    assert verdict(found, minutes) == expected


def samples(part: str, pid: int, first: float, last: float, hourly: float) -> list[Sample]:
    noise = np.random.default_rng(pid).normal(size=720)
    return [
        Sample(5.0 * n, part, pid, 1.0, 100 + hourly * n / 720 + noise[n], 150, 20, 9)
        for n in range(720)
        if first <= 5 * n <= last
    ]


def test_processes_that_lived_through_are_judged_and_those_that_were_killed_are_counted() -> None:
    seen = samples("worker A", 1, 0, 3600, 40) + samples("TorchServe (JVM)", 2, 1300, 3600, 0)
    seen += samples("worker B", 3, 0, 2500, 500) + samples("worker B", 4, 2505, 3600, 500)
    found = {life.part: life for life in lives(seen, HOUR)}
    assert set(found) == {"TorchServe (JVM)", "worker A", "all of these"}
    assert [found[part].verdict for part in ("worker A", "TorchServe (JVM)", "all of these")] == [GROWS, STEADY, GROWS]
    assert found["all of these"].slope.hourly == pytest.approx(40, abs=4)
    assert found["all of these"].descriptors == (40, 40)
    assert {part.name: part.processes for part in parts(seen)} == {"TorchServe (JVM)": 1, "worker A": 1, "worker B": 2}


def test_an_hour_has_every_kill_and_a_calm_part() -> None:
    plan = schedule(3600, HOUR.calm_from, 1)
    number = Counter(what for _, what in plan)
    assert 100 <= number[WORKER] <= 145
    assert (number[TORCHSERVE], number[NGINX], number[CHANGE]) == (4, 4, 12)
    assert max(at for at, what in plan if what in (TORCHSERVE, NGINX)) < HOUR.calm_from
    assert plan == schedule(3600, HOUR.calm_from, 1) != schedule(3600, HOUR.calm_from, 2)
    short = Counter(what for _, what in schedule(60, 20, 1))
    assert (short[TORCHSERVE], short[NGINX], short[CHANGE]) == (1, 1, 2)


def test_one_model_of_each_architecture_is_left_alone() -> None:
    models = load_catalogue(ROOT / "models.json")
    first = next(iter(models))
    assert spared(models, first) == {"MobileNetV2_CK+48", "ResNet50_CK+48", "VGG19_CK+48"}
    assert spared({first: models[first]}, first) == set()


def event(at: float, text: str) -> dict[str, Any]:
    return {"at": at, "kind": "VGA JPEG", "text": text}


def test_only_what_no_kill_explains_is_a_problem() -> None:
    load = {
        "unexpected": [event(5, "503: busy")],
        "cut_off": [event(101, "reset"), event(200, "reset")],
        "in_flight": 2.0,
    }
    faults = [Fault(100, NGINX, "killed 7"), Fault(150, CHANGE, "not done: no", well=False)]
    assert problems(load, faults) == [
        "VGA JPEG was answered with 503: busy",
        "VGA JPEG: the connection was lost (reset)",
        "2 predictions count as under way although nobody asks any more",
        "version: not done: no",
    ]


def result(hourly: float, found: list[str]) -> dict[str, Any]:
    low, high = hourly - 5, hourly + 5
    life = {
        "part": "worker A",
        "minutes": 30.0,
        "kept": (100.0, 120.4),
        "descriptors": (20.0, 20.0),
        "threads": (9.0, 9.0),
        "slope": {"hourly": hourly, "low": low, "high": high},
        "verdict": verdict(Slope(hourly, low, high, 30, 20), 30),
    }
    return {
        "options": {"minutes": 60},
        "answers": {"VGA JPEG 200": 1200, "no picture 415": 30},
        "milliseconds": {"p50": 40.2, "p99": 900.0},
        "left": 12,
        "faults": [{"what": WORKER, "detail": "killed 7"}, {"what": WORKER, "detail": "not done: away"}],
        "cut_off": [],
        "in_flight": 0.0,
        "logs": [(0.0, 1_000_000), (5.0, 2_500_000)],
        "lives": [life],
        "parts": [{"name": "worker A", "processes": 3, "kept": 130.4, "descriptors": 21, "threads": 9}],
        "problems": found,
    }


def test_the_report_says_what_was_done_and_whether_it_was_passed() -> None:
    good = result(2, [])
    rows = [row for table in tables(good) for row in table.rows]
    assert ("worker A", "30", "100 → 120", "+2.0", "-3.0 to +7.0", "20 → 20", "9 → 9", STEADY) in rows
    assert ("worker A", "3", "130", "21", "9") in rows
    assert ("no picture", "415", "30") in rows
    assert conclusion(good) == [
        "1,230 answers in 60 minutes, good pictures in 40 ms (half of them) and 900 ms (99 %); "
        "12 clients did not wait for theirs.",
        "Done to it: worker 1.",
        "Connections lost with nginx's workers: 0.",
        "Predictions that count as under way at the end: 0.",
        "Logs: 1.0 MB, at the end 2.5.",
        "Passed.",
    ]
    assert passed(good)
    leaking = result(30, [])
    assert not passed(leaking)
    assert conclusion(leaking)[-2].startswith("Leak suspected: worker A grows by 30.0 MB/h")
    wrong = result(2, [f"answer {n}" for n in range(25)])
    assert not passed(wrong)
    assert conclusion(wrong)[-3:] == [
        "Unexpected: answer 19",
        "… and 5 more; the JSON file has them all",
        "Not passed.",
    ]
