"""python -m scripts.balancer, before nodes that do not run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests

from scripts.processes import read_records
from scripts.running import record_file
from scripts.settings import ROOT, load_settings
from tests.support.commands import run_command
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.stacks import RunningStack

pytestmark = pytest.mark.stack


@pytest.fixture
def balancer(tmp_path: Path) -> Iterator[RunningStack]:
    """One that does not run yet; it is stopped at the end."""
    port, *nodes = free_ports(3)
    own = {
        "RUN_DIR": str(tmp_path / "run"),
        "PORT": str(port),
        "NODES": " ".join(f"127.0.0.1:{node}" for node in nodes),
    }
    environment = {**os.environ, **own}
    running = RunningStack(load_settings(environment), environment)
    yield running
    running.command("balancer", "stop")


def is_live(balancer: RunningStack) -> bool:
    try:
        return requests.get(f"{balancer.url}/api/v1/health/live", timeout=5).ok
    except requests.ConnectionError:
        return False


def test_without_nodes_nothing_starts(tmp_path: Path) -> None:
    started = run_command({**os.environ, "RUN_DIR": str(tmp_path)}, "balancer", "start")
    assert (started.returncode, started.stdout) == (1, "")
    assert started.stderr.strip() == "NODES is not set; name the nodes, as in NODES='10.0.0.1:8000 10.0.0.2:8000'"


def test_a_balancer_may_start_before_its_nodes_and_is_brought_back(balancer: RunningStack) -> None:
    started = balancer.command("balancer", "start")
    assert started.returncode == 3, started.stderr
    assert started.stdout.count("does not answer") == 2
    assert requests.get(f"{balancer.url}/api/v1/health", timeout=5).status_code == 503

    again = balancer.command("balancer", "serve")
    assert (again.returncode, is_live(balancer)) == (1, True)
    assert "something runs there already" in again.stderr

    shown = balancer.command("balancer", "status")
    assert shown.returncode == 0
    assert balancer.url in shown.stdout

    before = read_records(record_file(balancer.settings.run_dir))["proxy"]
    psutil.Process(before.pid).kill()
    poll(lambda: read_records(record_file(balancer.settings.run_dir))["proxy"], lambda record: record != before)
    poll(lambda: is_live(balancer))

    assert balancer.command("balancer", "stop").returncode == 0
    assert not is_live(balancer)
    assert balancer.command("balancer", "status").returncode == 4


def test_a_balancer_in_the_foreground_ends_with_its_command(balancer: RunningStack) -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", "scripts.balancer", "serve"],
        cwd=ROOT,
        env=balancer.environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        poll(lambda: is_live(balancer))
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(60) == 0
    finally:
        serving.kill()
        serving.wait()
    assert not is_live(balancer)


def test_a_configuration_can_be_made_for_a_container_without_python(balancer: RunningStack) -> None:
    assert balancer.command("balancer", "configure").returncode == 0
    assert (balancer.settings.run_dir / "nginx" / "nodes" / "upstreams.conf").exists()
    assert not is_live(balancer)
