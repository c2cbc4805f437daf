"""How soon the page is there. No time is asserted: the benchmark prints them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.bench.paint import CHROMIUM, PROFILES, table
from tests.support.commands import program_is_missing, run_command

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


@pytest.mark.slow
@pytest.mark.stack
def test_the_page_of_a_running_service_is_measured(stack: RunningStack, tmp_path: Path) -> None:
    if not CHROMIUM.exists():
        program_is_missing(f"{CHROMIUM} is missing; run 'apt-get update && apt-get install -y chromium' as root")
    figures = tmp_path / "page.json"
    done = run_command(stack.environment, "bench", "page", "--loads", "1", "--output", str(figures))
    assert done.returncode == 0, done.stdout + done.stderr
    profiles = json.loads(figures.read_text())["profiles"]
    assert [profile["name"] for profile in profiles] == [profile.name for profile in PROFILES]
    for profile in profiles:
        (load,) = profile["loads"]
        assert 0 < load["paint"] <= load["answer"]
        assert load["shift"] < 0.05
        assert 20 <= load["requests"] <= 27
        assert load["bytes"] > 40_000
    slow, quick = profiles[2]["loads"][0], profiles[1]["loads"][0]
    assert slow["requests"] == quick["requests"]


def test_the_table_has_the_median_and_the_worst() -> None:
    loads = [
        {"paint": each, "answer": 10 * each, "shift": each / 1e5, "requests": 25, "bytes": 68_400}
        for each in (90, 200, 1400)
    ]
    shown = table({"profiles": [{"name": "phone", "screen": [360, 640], "loads": loads}]})
    assert shown.rows == [("phone, 360 × 640", "200, 1,400 ms", "2,000, 14,000 ms", "0.014", "25", "68")]


def test_another_page_is_refused(tmp_path: Path) -> None:
    """Nothing answers at port 9, whose service is to discard."""
    if not CHROMIUM.exists():
        program_is_missing(f"{CHROMIUM} is missing; run 'apt-get update && apt-get install -y chromium' as root")
    done = run_command({"RUN_DIR": str(tmp_path), "PATH": ""}, "bench", "page", "--url", "http://localhost:9/")
    assert done.returncode == 1
    assert "http://localhost:9/: " in done.stderr
    assert "is it the page of a running service?" in done.stderr
