"""How many processors a worker keeps busy."""

from __future__ import annotations

import os

import pytest
from cpus import available_cpus


@pytest.mark.parametrize(("given", "cpus"), [("1", 1), ("3", 3), ("0", 1)])
def test_it_is_as_many_as_whoever_started_torchserve_says(given: str, cpus: int) -> None:
    assert available_cpus({"CPUS": given}) == cpus


@pytest.mark.parametrize("environment", [{}, {"CPUS": ""}, {"CPUS": "many"}])
def test_otherwise_it_is_all_that_the_process_may_run_on(environment: dict[str, str]) -> None:
    assert available_cpus(environment) == len(os.sched_getaffinity(0))
