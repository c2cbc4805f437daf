"""A stack's processes and its supervisor, as the tests see them."""

from __future__ import annotations

from scripts.processes import ProcessRecord, read_records
from scripts.stack.supervision import read_supervision
from tests.support.stacks import RunningStack

# A supervisor that waits for two seconds where others wait for twenty, and soon tells nobody to wait.
IMPATIENT = """
import sys
from scripts.stack import __main__, supervisor
supervisor.HUNG_SECONDS, supervisor.PROBE_SECONDS = 2.0, 0.5
supervisor._FAILING_PAUSE_SECONDS = 0.5
sys.exit(__main__.main(["supervise"]))
"""


def record(stack: RunningStack, name: str) -> ProcessRecord:
    return read_records(stack.settings.run_dir / "stack.json")[name]


def restarts(stack: RunningStack, name: str) -> int:
    said = read_supervision(stack.settings)
    return said.parts[name].restarts if said and said.parts[name].state == "running" else -1
