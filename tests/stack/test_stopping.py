"""What a stop says that it stopped; plain processes stand for the parts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts.processes import ProcessRecord, write_records
from tests.support.commands import run_command
from tests.support.stacks import stack_environment

# As `make serve` does, or as the supervisor of `make start`, which leaves the parts to who stops it.
SUPERVISOR = """
import signal, subprocess, time
signal.signal(signal.SIGTERM, signal.default_int_handler)
parts = [subprocess.Popen(["sleep", "60"], start_new_session=True) for _ in range(2)]
print(*(part.pid for part in parts), flush=True)
try:
    time.sleep(60)
except KeyboardInterrupt:
    if {ends}:
        [(part.kill(), part.wait()) for part in parts]
"""


@pytest.mark.parametrize("ends", [True, False], ids=["make serve", "make start"])
def test_a_stop_names_what_ran_whoever_ends_it(tmp_path: Path, ends: bool) -> None:
    code = SUPERVISOR.format(ends=ends)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout
        torchserve, proxy = map(int, supervisor.stdout.readline().split())
        records = {"torchserve": ProcessRecord.of(torchserve), "proxy": ProcessRecord.of(proxy)}
        write_records(tmp_path / "stack.json", {**records, "supervisor": ProcessRecord.alone(supervisor.pid)})
        stopped = run_command(stack_environment(tmp_path), "stack", "stop")
        assert stopped.stdout == "Stopped proxy and torchserve.\n"
        assert not any(record.alive for record in records.values())
