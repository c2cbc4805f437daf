"""A stack's processes and its supervisor, as the tests see them."""

from __future__ import annotations

import requests

from scripts.processes import ProcessRecord, read_records
from scripts.stack.supervision import read_supervision
from tests.support.stacks import RunningStack

# A supervisor that waits for six seconds where others wait for twenty, and soon tells nobody to wait.
IMPATIENT = """
import sys
from scripts.stack import __main__, probe, supervisor
probe.HUNG_SECONDS, probe.PROBE_SECONDS, supervisor.STOPPED_SECONDS = 6.0, 2.0, 1.0
supervisor._FAILING_PAUSE_SECONDS = 0.5
sys.exit(__main__.main(["supervise"]))
"""


def record(stack: RunningStack, name: str) -> ProcessRecord:
    return read_records(stack.settings.run_dir / "stack.json")[name]


def restarts(stack: RunningStack, name: str) -> int:
    said = read_supervision(stack.settings)
    return said.parts[name].restarts if said and said.parts[name].state == "running" else -1


def master(stack: RunningStack) -> int | None:
    """Process id of an nginx that the supervisor has brought back whole."""
    return record(stack, "proxy").pid if restarts(stack, "proxy") >= 0 else None


def is_whole(stack: RunningStack) -> bool:
    """Whether all of its processes run and its models are ready, without a command that says so."""
    records = read_records(stack.settings.run_dir / "stack.json")
    runs = all(name in records and records[name].alive for name in ("supervisor", "torchserve", "proxy"))
    runs = runs and min(restarts(stack, name) for name in ("torchserve", "proxy")) >= 0
    return runs and requests.get(f"{stack.url}/api/v1/health/ready", timeout=10).status_code == 200
