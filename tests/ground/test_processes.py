"""Ending a process ends everything it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from scripts.processes import ProcessRecord, wait_until

# As TorchServe with one worker; what SIGTERM does is given.
SERVER = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, {obey})
print(subprocess.Popen(["sleep", "60"]).pid, flush=True)
time.sleep(60)
"""


def ended(pid: int) -> bool:
    """Whether a process does nothing any more; its exit code may still wait to be read."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize(
    ("obey", "status"), [("signal.SIG_IGN", -signal.SIGKILL), ("lambda *_: sys.exit(3)", 3)], ids=["hangs", "obeys"]
)
def test_a_process_ends_with_its_whole_group_whether_it_hangs_or_obeys(obey: str, status: int) -> None:
    command = [sys.executable, "-c", SERVER.format(obey=obey)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout
        worker = int(process.stdout.readline())
        try:
            ProcessRecord.of(process.pid).stop(signal.SIGTERM, 1)
            assert process.wait(10) == status
            assert wait_until(lambda: ended(worker), 10)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
