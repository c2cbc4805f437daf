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
from tests.support.polling import poll

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


def test_a_group_lives_on_without_its_leader_but_its_number_names_no_other() -> None:
    code = (
        "import subprocess, sys, time; "
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)"
    )
    leader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert leader.stdout
    child = psutil.Process(int(leader.stdout.readline()))
    known = ProcessRecord.of(leader.pid)
    assert {process.pid for process in known.members()} == {leader.pid, child.pid}
    stranger = ProcessRecord(known.pid, known.created - 100, known.group)
    assert stranger.members() == [], "a group whose number is another's by now"
    leader.kill()
    poll(lambda: known.alive, lambda alive: not alive)
    assert [process.pid for process in known.members()] == [child.pid], "the leader is a zombie"
    leader.wait()
    assert [process.pid for process in known.members()] == [child.pid]
    known.stop(signal.SIGTERM, 10)
    leader.stdout.close()
    assert known.members() == []
