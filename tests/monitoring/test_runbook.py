"""Each alert's section of the runbook has commands, and they tell or mend what it says."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.processes import read_records
from tests.support import images
from tests.support.client import Client
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.sites import Site

from .faults import refused
from .prometheus import rule_groups, running_prometheus
from .runbook import commands, follow
from .scrape import Scrape, settled

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

FRAME = images.frame(95)
ALERTS = [rule["alert"] for group in rule_groups() for rule in group["rules"] if "alert" in rule]


@pytest.mark.parametrize("alert", ALERTS)
def test_every_section_has_commands(alert: str) -> None:
    assert commands(alert)


def test_errors_are_told_by_model_and_reason(monitored: RunningStack, client: Client, site: Site) -> None:
    with refused(site.store / "index.json", SERVED):
        poll(lambda: client.predict(FRAME, SERVED).status_code, lambda status: status == 500)
        assert f"{SERVED}: " in follow(monitored, "EmotionModelRefused")
    poll(lambda: client.predict(FRAME, SERVED).status_code, lambda status: status == 200)
    settled(client.url)
    for alert in ("EmotionErrorRatioHigh", "EmotionErrorBudgetBurnsFast", "EmotionErrorBudgetBurnsSlowly"):
        assert f"{SERVED}\t500" in follow(monitored, alert)


def test_the_image_that_lost_its_worker_is_told(monitored: RunningStack, client: Client, operator: Operator) -> None:
    with ThreadPoolExecutor(1) as thread:
        with operator.frozen(ARCHIVE) as pid:
            answer = thread.submit(client.predict, FRAME, SERVED)
            poll(lambda: Scrape(client.url).in_flight(), lambda number: number == 1)
            poll(lambda: operator.pending(ARCHIVE), lambda pending: pending == 0)
            os.kill(pid, signal.SIGKILL)
        assert answer.result().status_code == 200
    settled(client.url)
    digest = hashlib.sha256(FRAME).hexdigest()[:16]
    assert digest in follow(monitored, "EmotionWorkerCrashLoop")


def test_slow_answers_are_told_with_their_stages(monitored: RunningStack, client: Client, operator: Operator) -> None:
    with ThreadPoolExecutor(1) as thread:
        with stopped(operator.only_worker(ARCHIVE)):
            answer = thread.submit(client.predict, FRAME, SERVED)
            poll(lambda: Scrape(client.url).in_flight(), lambda number: number == 1)
            begin = time.monotonic()
            poll(time.monotonic, lambda now: now > begin + 3)
        assert answer.result().status_code == 200
    settled(client.url)
    for alert in ("EmotionLatencyHigh", "EmotionErrorBudgetBurnsFast"):
        line = json.loads(follow(monitored, alert).splitlines()[-1])
        assert line["model"] == SERVED
        assert line["queue_seconds"] > 2


def test_stand_ins_are_named(monitored: RunningStack) -> None:
    assert set(follow(monitored, "EmotionStandInServed").split()) == {SERVED, OTHER}


def test_refusals_are_told_by_client(monitored: RunningStack, tmp_path: Path) -> None:
    line = {"status": 429, "client": "192.0.2.1", "model": ""}
    (tmp_path / "proxy-access.log").write_text(json.dumps(line) + "\n")
    said = follow(monitored, "EmotionClientsLimited", **{str(monitored.settings.log_dir): str(tmp_path)})
    assert said.split() == ["1", "192.0.2.1", "rate_limit"]


def test_a_prometheus_without_the_target_is_told(monitored: RunningStack, tmp_path: Path) -> None:
    with running_prometheus(tmp_path, f"127.0.0.1:{monitored.settings.port}", {}) as prometheus:
        address = prometheus.url.removeprefix("http://")
        assert '"emotion"' in follow(monitored, "EmotionNotScraped", **{"localhost:9090": address})


def test_a_model_gets_workers_and_loses_them(monitored: RunningStack, operator: Operator) -> None:
    follow(monitored, "EmotionQueueSaturated", SERVED)
    assert len(operator.worker_pids(ARCHIVE)) == 2
    before = operator.worker_pids(ARCHIVE)
    follow(monitored, "EmotionModelNotReady", SERVED)
    assert operator.only_worker(ARCHIVE) not in before
    assert "python" in follow(monitored, "EmotionMemoryLow", SERVED)
    assert operator.worker_pids(ARCHIVE) == []
    monitored.command("lifecycle", "scale", SERVED, "1")


def test_logs_that_were_put_aside_are_removed(monitored: RunningStack) -> None:
    aside = monitored.settings.log_dir / "proxy-access.log.3"
    aside.touch()
    follow(monitored, "EmotionLogNotWritable")
    assert not aside.exists()
    assert (monitored.settings.log_dir / "proxy-access.log").exists()


@pytest.fixture
def records(monitored: RunningStack) -> dict[str, int]:
    """Process ids of the stack's parts."""
    return {name: record.pid for name, record in read_records(monitored.settings.run_dir / "stack.json").items()}


def test_a_supervisor_that_ended_is_back(monitored: RunningStack, client: Client, records: dict[str, int]) -> None:
    os.kill(records["supervisor"], signal.SIGKILL)
    poll(lambda: Scrape(client.url).value("emotion_supervisor_up"), lambda up: up == 0)
    follow(monitored, "EmotionSupervisorDown")
    poll(lambda: Scrape(client.url).value("emotion_supervisor_up"), lambda up: up == 1)


@pytest.mark.parametrize(("part", "alert"), [("torchserve", "EmotionTorchServeDown"), ("proxy", "EmotionDown")])
def test_a_part_that_nobody_brought_back_is_back(
    monitored: RunningStack, client: Client, records: dict[str, int], part: str, alert: str
) -> None:
    for name in ("supervisor", part):
        os.kill(records[name], signal.SIGKILL)
    follow(monitored, alert)
    assert client.predict(FRAME, SERVED).status_code == 200


def test_what_the_supervisor_brought_back_is_told(
    monitored: RunningStack, client: Client, records: dict[str, int]
) -> None:
    os.kill(records["torchserve"], signal.SIGKILL)
    poll(lambda: Scrape(client.url).value("emotion_stack_restarts_total", part="torchserve"), bool)
    assert "torchserve" in follow(monitored, "EmotionStackRestarted").lower()
