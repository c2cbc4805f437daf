"""A campaign finds the case that is at fault, whatever that case does, and goes on behind it."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from tests.fuzz.campaign import Campaign, keep, kind_of, smaller
from tests.fuzz.mutations import changed_blocks, changed_bytes
from tests.fuzz.worker import MEMORY


class Touchy:
    """Reads a few letters, and takes some of them amiss."""

    batch = 1

    def __init__(self, folder: Path) -> None:
        pass

    def make(self, noise: Random) -> bytes:
        return noise.choice((b"good", b"good", b"good", b"wrong 12", b"exit", b"hang", b"grow"))

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        return [self._fault(case) for case in cases]

    def _fault(self, case: bytes) -> str:
        if b"hang" in case:
            time.sleep(600)
        if b"exit" in case:
            os._exit(3)
        if b"grow" in case:
            try:
                bytes(2 * MEMORY)
            except MemoryError:
                return "grows: beyond its limit"
        return f"wrong: {case!r}" if b"wrong" in case else ""


@pytest.mark.slow
def test_cases_that_end_or_stop_the_process_are_found_among_the_others(tmp_path: Path) -> None:
    campaign = Campaign(f"{Touchy.__module__}:Touchy", 70, tmp_path, patience=3)
    campaign.run(12, report=lambda line: None)
    assert campaign.tried == 12
    assert campaign.examples == {
        "wrong": b"wrong 12",
        "ended": b"exit",
        "hangs": b"hang",
        "grows": b"grow",
    }


def test_a_case_is_made_smaller_as_long_as_it_stays_at_fault(tmp_path: Path) -> None:
    campaign = Campaign(f"{Touchy.__module__}:Touchy", 1, tmp_path)
    small = smaller(b"some text, wrong somewhere in it", campaign.still("wrong"))
    assert small == b"wrong"
    path = keep("touchy", small, tmp_path)
    assert path.name.startswith("touchy-")
    assert path.read_bytes() == b"wrong"


def test_faults_that_differ_in_numbers_alone_are_one_kind() -> None:
    assert kind_of("wrong 12: this") == kind_of("wrong 7: that") == "wrong #"


@pytest.mark.parametrize("seed", range(20))
def test_changes_are_those_of_the_seed(seed: int) -> None:
    def change() -> tuple[bytes, list[bytes]]:
        noise = Random(seed)
        return changed_bytes(noise, bytes(range(50))), changed_blocks(noise, [b"a", b"b", b"c"], [b"d"])

    assert change() == change()
    assert change() != (bytes(range(50)), [b"a", b"b", b"c"])
    assert changed_bytes(Random(seed), b"") is not None
