"""Every fault raises its alert in a real Prometheus, and the alert goes when the fault does."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import psutil
import pytest
from PIL import Image

from scripts.pictures import dashboard
from scripts.processes import read_records
from scripts.settings import ROOT
from tests.support import images
from tests.support.client import Client, at_once
from tests.support.models import ARCHIVE, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.sites import Site

from .faults import refused
from .prometheus import Prometheus, rule_groups, running_prometheus
from .scrape import Scrape

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

FRAME = images.frame(91)
GROUPS = rule_groups()
ALERTS = [rule for group in GROUPS for rule in group["rules"] if "alert" in rule]
PAUSE = 0.4  # between an answer and the next question, s: several fall between two scrapes, which come each second


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory, monitored: RunningStack) -> Iterator[Prometheus]:
    directory = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(directory, f"127.0.0.1:{monitored.settings.port}", {"worker_restarts": 1}) as running:
        running.wait_until_quiet()
        yield running


@contextlib.contextmanager
def traffic(client: Client) -> Generator[None]:
    """Predictions from two clients."""
    done = Event()

    def run() -> None:
        while not done.wait(PAUSE):
            client.predict(FRAME, SERVED)

    with ThreadPoolExecutor(2) as threads:
        runs = [threads.submit(run) for _ in range(2)]
        try:
            yield
        finally:
            done.set()
    for run_ in runs:
        run_.result()


def test_the_target_is_up_and_the_rules_are_loaded(prometheus: Prometheus) -> None:
    (target,) = prometheus.get("targets")["activeTargets"]
    assert (target["health"], target["labels"]["job"], target["lastError"]) == ("up", "emotion", "")
    groups = {group["name"]: len(group["rules"]) for group in prometheus.get("rules")["groups"]}
    assert groups == {group["name"]: len(group["rules"]) for group in GROUPS}
    poll(
        lambda: {rule["health"] for group in prometheus.get("rules")["groups"] for rule in group["rules"]},
        lambda health: health == {"ok"},
    )


def test_stand_ins_that_serve_are_told(prometheus: Prometheus) -> None:
    prometheus.wait_until_firing("EmotionStandInServed")


def test_the_dashboard_can_be_drawn(prometheus: Prometheus, tmp_path: Path) -> None:
    picture = tmp_path / "dashboard.png"
    assert dashboard.main(["--prometheus", prometheus.url, "--minutes", "1", "--output", str(picture)]) == 0
    with Image.open(picture) as image:
        assert image.width == 1152
        assert len(image.convert("RGB").getcolors(2**24) or []) > 100


def test_a_proxy_that_hangs_is_down(prometheus: Prometheus, monitored: RunningStack) -> None:
    master = psutil.Process(read_records(monitored.settings.run_dir / "stack.json")["proxy"].pid)
    with contextlib.ExitStack() as processes:
        for process in [master, *master.children()]:
            processes.enter_context(stopped(process.pid))
        prometheus.wait_until_firing("EmotionDown")
    prometheus.wait_until_quiet()


def test_a_torchserve_that_hangs_is_down(prometheus: Prometheus, operator: Operator) -> None:
    with stopped(operator.torchserve()):
        prometheus.wait_until_firing("EmotionTorchServeDown")
        assert "EmotionModelNotReady" not in prometheus.firing()
    prometheus.wait_until_quiet()


def test_a_stack_without_its_supervisor_is_told_and_so_is_a_restart(
    prometheus: Prometheus, monitored: RunningStack
) -> None:
    records = read_records(monitored.settings.run_dir / "stack.json")
    os.kill(records["supervisor"].pid, signal.SIGKILL)
    prometheus.wait_until_firing("EmotionSupervisorDown")
    assert monitored.command("stack", "start").returncode == 0
    seen = "emotion_stack_restarts_total == 0"  # what was never zero has not increased
    poll(lambda: prometheus.get("query", query=seen)["result"], lambda series: len(series) == 2)
    os.kill(records["torchserve"].pid, signal.SIGKILL)
    prometheus.wait_until_firing("EmotionStackRestarted")
    prometheus.wait_until_quiet()


def test_a_refused_model_fails_its_predictions(prometheus: Prometheus, client: Client, site: Site) -> None:
    with traffic(client):
        with refused(site.store / "index.json", SERVED):
            prometheus.wait_until_firing("EmotionModelRefused", "EmotionErrorRatioHigh", "EmotionErrorBudgetBurnsFast")
        prometheus.wait_until_quiet()


def test_a_worker_that_hangs_fills_its_queue_and_slows_its_clients(
    prometheus: Prometheus, client: Client, operator: Operator
) -> None:
    for _ in range(3):
        with operator.frozen(ARCHIVE) as pid, ThreadPoolExecutor(1) as thread:
            answers = thread.submit(at_once, [lambda: client.predict(FRAME, SERVED)] * 16)
            start = _now(prometheus)
            poll(lambda: _now(prometheus), lambda now: now > start + 4)  # noqa: B023
            os.kill(pid, signal.SIGCONT)
            assert {answer.status_code for answer in answers.result()} == {200}
        if {"EmotionLatencyHigh", "EmotionQueueSaturated"} <= prometheus.firing():
            break
    prometheus.wait_until_firing("EmotionLatencyHigh", "EmotionQueueSaturated", seconds=5)
    with traffic(client):
        prometheus.wait_until_quiet()


def _now(prometheus: Prometheus) -> float:
    return float(prometheus.get("query", query="time()")["result"][1])


def test_a_worker_that_is_killed_again_and_again_is_in_a_crash_loop(
    prometheus: Prometheus, client: Client, operator: Operator
) -> None:
    alerts: set[str] = set()

    def new_worker() -> list[int]:
        alerts.update(prometheus.firing())
        return operator.worker_pids(ARCHIVE)

    for _ in range(8):
        pid = operator.only_worker(ARCHIVE)
        os.kill(pid, signal.SIGKILL)
        poll(lambda: operator.worker_pids(ARCHIVE), lambda pids: pids != [pid])  # noqa: B023
        poll(new_worker, bool)
        if {"EmotionModelNotReady", "EmotionWorkerCrashLoop"} <= alerts:
            break
    assert {"EmotionModelNotReady", "EmotionWorkerCrashLoop"} <= alerts
    assert client.predict(FRAME, SERVED).status_code == 200
    prometheus.wait_until_quiet()


def test_memory_that_runs_short_is_told(tmp_path: Path, monitored: RunningStack) -> None:
    def available() -> float:
        return Scrape(monitored.url).value("emotion_memory_available_bytes")

    limit = Scrape(monitored.url).value("emotion_memory_limit_bytes")
    margin = min(3 * 2**30, available() / 3)
    threshold = (available() - margin) / limit
    target = f"127.0.0.1:{monitored.settings.port}"
    with running_prometheus(tmp_path, target, {"memory_available_ratio": threshold}) as prometheus:
        prometheus.wait_until_quiet()
        with holding(int(available() - threshold * limit + margin)):
            prometheus.wait_until_firing("EmotionMemoryLow")
        prometheus.wait_until_quiet()


@contextlib.contextmanager
def holding(size: int) -> Generator[None]:
    """Hold ``size`` bytes of memory in another process."""
    code = f"import sys; held = b'x' * {size}; print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        try:
            assert process.stdout.readline() == b"held\n"
            yield
        finally:
            process.kill()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_every_alert_says_what_it_means_and_what_to_do(alert: dict[str, dict[str, str]]) -> None:
    assert set(alert["annotations"]) == {"summary", "meaning", "action", "runbook_url"}
    assert alert["labels"]["severity"] in ("critical", "warning")
    page, _, anchor = alert["annotations"]["runbook_url"].partition("#")
    sections = re.split(r"^## ", (ROOT / page).read_text(), flags=re.MULTILINE)[1:]
    section = {section.split("\n")[0].lower(): section for section in sections}[anchor]
    assert section.startswith(f"{alert['alert']}\n")
    assert "**Means:**" in section
    assert "**Do:**" in section


def test_every_alert_of_the_runbook_exists() -> None:
    sections = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbook.md").read_text(), re.MULTILINE)
    assert sections == [rule["alert"] for rule in ALERTS]
