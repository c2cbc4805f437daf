"""A few seeded cases of every target, and those that once led to a fault. ``make fuzz`` tries many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.campaign import FOUND
from tests.fuzz.target import TARGETS, case_of, open_target

SEED = 20
# Some two seconds each.
CASES = {"form": 3000, "image": 200, "checkpoint": 60, "archive": 100}


@pytest.mark.parametrize("name", TARGETS)
def test_made_up_inputs_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = open_target(name, tmp_path / "target")
    cases = [case_of(target, SEED, number) for number in range(CASES[name])]
    faults = {number: fault for number, fault in enumerate(target.faults(cases)) if fault}
    assert faults == {}


def test_what_once_led_to_a_fault_does_so_no_more(tmp_path: Path) -> None:
    """The files that ``make fuzz`` wrote; their names begin with the target's."""
    for number, path in enumerate(sorted(FOUND.glob("*-*"))):
        target = open_target(path.name.partition("-")[0], tmp_path / str(number))
        assert target.faults([path.read_bytes()]) == [""], path.name
