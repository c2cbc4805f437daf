"""Nothing outlives a command in the foreground, however that ends; a plain process stands for the parts."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.processes import read_records
from scripts.settings import ROOT
from tests.support.polling import poll

GUARDED = """
import os, subprocess, sys, time
from pathlib import Path
from scripts.processes import ProcessRecord, write_records
from scripts.settings import load_settings
from scripts.stack.guard import guarded
settings = load_settings({"RUN_DIR": sys.argv[1]})
part = subprocess.Popen(["sleep", "60"], start_new_session=True)
write_records(settings.run_dir / "stack.json", {"torchserve": ProcessRecord.of(part.pid)})
with guarded(settings):
    if sys.argv[2] == "killed":
        print("guarded", flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("end", ["killed", "in order"])
def test_a_killed_command_leaves_nothing_and_one_that_ends_in_order_is_left_alone(tmp_path: Path, end: str) -> None:
    command = [sys.executable, "-c", GUARDED, str(tmp_path), end]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        if end == "killed":
            assert process.stdout.readline() == "guarded\n"
            part = read_records(tmp_path / "stack.json")["torchserve"]
            process.kill()
            poll(lambda: part.alive, lambda alive: not alive, 20)
        else:
            assert process.wait(20) == 0
            part = read_records(tmp_path / "stack.json")["torchserve"]
            assert part.alive
            part.stop(signal.SIGKILL, 5)


def test_the_tests_end_in_order_when_they_are_told_to() -> None:
    """So that fixtures stop what they started."""
    assert signal.getsignal(signal.SIGTERM) is signal.default_int_handler
