"""Does it count right and put together right what it counted?"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from scripts.bench.limits import timed
from scripts.bench.measure import Case, Slice, percentiles, ratios, shares, together
from scripts.bench.processes import Meter, parse_rollup


def test_timing_leaves_the_first_call_out() -> None:
    calls: list[int] = []
    assert len(timed(lambda: calls.append(1), seconds=0, least=5)) == 5
    assert len(calls) == 6


def test_a_meter_tells_own_from_foreign_processor_time() -> None:
    with Meter([os.getpid()]) as meter:
        sum(range(3_000_000))
    assert 0 < meter.cpu <= meter.capacity
    assert 0 <= meter.foreign <= 1


def test_memory_is_read_in_megabytes() -> None:
    assert parse_rollup("7f-7f r--p [rollup]\nRss:  2000 kB\nPss:  1000 kB\n") == {"Rss": 2.048, "Pss": 1.024}


def test_percentiles_of_nothing_are_none() -> None:
    assert percentiles([]) == {"p50": None, "p95": None, "p99": None}
    assert percentiles([1.0, 2.0, 3.0]) == {"p50": 2.0, "p95": pytest.approx(2.9), "p99": pytest.approx(2.98)}


def load_slice(latency: float, rate: float, errors: dict[str, int] | None = None) -> Slice:
    return Slice([latency] * 3, errors or {}, rate, cpu_ms=1.0, generator=0.01, foreign=0.2)


def test_slices_are_put_together() -> None:
    slices = [load_slice(10, 100), load_slice(20, 50, {"503": 2}), load_slice(10, 90, {"503": 1})]
    assert together(slices) == {
        "p50": 10,
        "p95": 20,
        "p99": 20,
        "rate": 90,
        "cpu_ms": 1.0,
        "generator": 0.01,
        "foreign": 0.2,
        "requests": 9,
        "errors": {"503": 3},
    }


def test_ratios_are_taken_within_pairs() -> None:
    stack = [load_slice(10, 100), load_slice(20, 50), load_slice(10, 100)]  # the machine was slow once
    reference = [load_slice(30, 25), load_slice(60, 12.5), load_slice(30, 25)]
    assert ratios(stack, reference) == {"p50": 3, "rate": 4}
    assert shares(stack, [125, 62.5, 125]) == {"share": 0.8, "above_pipeline": pytest.approx(2)}


def test_ratios_of_a_server_that_does_not_answer_are_none() -> None:
    silent = replace(load_slice(1, 0, {"503": 3}), latencies=[])
    assert ratios([silent], [load_slice(1, 1)]) == dict.fromkeys(("p50", "rate"))
    assert shares([silent], [1]) == dict.fromkeys(("share", "above_pipeline"))


def test_in_fewer_bits_the_stack_is_measured_beside_itself_and_the_peer() -> None:
    assert Case("all", ("a",), "frame", 1, "int8").servers == {
        "stack": "stack int8",
        "f32": "stack",
        "peer": "peer int8",
    }


@pytest.mark.parametrize(("clients", "models", "batch"), [(1, 1, 1), (8, 1, 8), (32, 1, 8), (8, 9, 1)])
def test_only_many_clients_of_one_model_fill_a_batch(clients: int, models: int, batch: int) -> None:
    assert Case("all", tuple(map(str, range(models))), "frame", clients).batch == batch
