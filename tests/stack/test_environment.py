"""A stack among variables that are meant for other programs, started by somebody who does not read what it prints."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest

from scripts.processes import read_records
from scripts.settings import ROOT, load_settings
from tests.support.commands import run_command
from tests.support.hostile import HOSTILE, PROXIES
from tests.support.places import PLACES, SAMPLES, TEST_DIR
from tests.support.stacks import RunningStack, clear_run_dir, stack_environment

ONE = "MobileNetV2_CK+48"


@pytest.fixture(scope="module")
def unread(unpacked: Path) -> Iterator[RunningStack]:
    """A stack of one model, started as by ``make start | true``; LC_ALL=C has no ü."""
    run_dir = TEST_DIR / "hostile ü, 'y'"
    clear_run_dir(run_dir, unpacked)
    environment = stack_environment(run_dir, **{**HOSTILE, **PLACES, "LOAD_MODELS": ONE})
    reader, writer = os.pipe()
    os.close(reader)
    try:
        command = [sys.executable, "-m", "scripts.stack", "start"]
        started = subprocess.run(
            command, cwd=ROOT, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True, check=False
        )
        assert started.returncode == 0, started.stderr
        yield RunningStack(load_settings(environment), environment)
    finally:
        os.close(writer)
        run_command(environment, "stack", "stop")


def test_a_start_goes_on_when_nobody_reads_what_it_prints(unread: RunningStack) -> None:
    shown = unread.command("stack", "status")
    assert shown.returncode == 0
    assert shown.stdout.count("runs, process") == 3


def test_no_process_has_what_was_meant_for_others(unread: RunningStack) -> None:
    records = read_records(unread.settings.run_dir / "stack.json")
    leaders = [psutil.Process(records[name].pid) for name in ("torchserve", "proxy")]
    processes = [process for leader in leaders for process in (leader, *leader.children(recursive=True))]
    assert len(processes) >= 2 + 1 + 2  # the JVM and nginx, a worker, nginx's own
    ours = {"LC_ALL": "C.UTF-8", "LOG_LEVEL": "info", "METRICS_LOCATION": str(unread.settings.log_dir)}
    for process in processes:
        found = process.environ()
        leaked = {name: found[name] for name in HOSTILE.keys() & found.keys() - ours.keys()}
        assert leaked == {}, process.cmdline()
        assert all(found.get(name, value) == value for name, value in ours.items()), process.cmdline()


@pytest.mark.parametrize("command", ["scripts/predict", "examples/client.py"])
def test_a_proxy_of_the_environment_hides_no_service_of_this_machine(unread: RunningStack, command: str) -> None:
    face = str(SAMPLES / "happiness.jpg")
    arguments = [str(ROOT / command), face, "--model", ONE, "--json"]
    if command.endswith(".py"):
        arguments = [sys.executable, str(ROOT / command), face, ONE]
    environment = {**os.environ, **PROXIES, **unread.environment, "SERVICE_URL": unread.url}
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "contempt" in done.stdout


def test_the_call_to_try_goes_past_a_proxy_of_the_environment(unread: RunningStack) -> None:
    assert "curl --noproxy '*' -F model=" in unread.command("stack", "status").stdout
    plain = run_command({**unread.environment, **dict.fromkeys(PROXIES, "")}, "stack", "status")
    assert "curl -F model=" in plain.stdout


SUPERVISED = """
import os, signal, sys
from scripts.signals import obey_signals, obey_terminal
obey_signals()
obey_terminal()
try:
    print("ignores" if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else "obeys", flush=True)
    while True:
        signal.pause()
except KeyboardInterrupt:
    os.write(int(sys.argv[1]), b"ended in order")
"""


@contextlib.contextmanager
def waiting(terminal: int, report: int, *, nohup: bool = False) -> Generator[subprocess.Popen[bytes]]:
    """A process that prints on ``terminal``, which only it has open from here on, and tells ``report`` how it ended."""
    command = [*(["nohup"] if nohup else []), sys.executable, "-c", SUPERVISED, str(report)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=terminal, stderr=subprocess.DEVNULL, pass_fds=[report])
    os.close(terminal)
    os.close(report)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_closed_terminal_ends_a_command_though_make_alone_is_told() -> None:
    master, terminal = os.openpty()
    reader, writer = os.pipe()
    with waiting(terminal, writer), os.fdopen(reader) as report:
        assert os.read(master, 100).strip() == b"obeys"
        os.close(master)
        assert report.read() == "ended in order"


def test_a_command_that_was_told_to_outlive_its_terminal_does() -> None:
    reader, writer = os.pipe()
    output_reader, output = os.pipe()
    with (
        waiting(output, writer, nohup=True) as process,
        os.fdopen(reader) as report,
        os.fdopen(output_reader) as printed,
    ):
        assert printed.readline() == "ignores\n"
        process.terminate()
        assert report.read() == "ended in order"
