"""What the supervisor brings back, what clients notice of it, and when it gives up."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import eq
from typing import IO

import psutil
import pytest
import requests

from scripts.settings import ROOT
from scripts.stack.supervision import PartState, Supervision, write_supervision
from scripts.torchserve.management import Management
from tests.monitoring.scrape import Scrape
from tests.stack.supervised import IMPATIENT, is_whole, master, record, restarts
from tests.support import images
from tests.support.asking import asking, wait_for_answers
from tests.support.client import Client
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.stacks import RunningStack, StartStack

ONE, TWO, IDLE = "MobileNetV2_CK+48", "MobileNetV2_RAF-DB", "MobileNetV2_FER2013"
ONE_ARCHIVE = ONE.replace("+", "plus")
FRAME = images.frame(8)


@pytest.fixture(scope="module")
def shared(start_stack: StartStack) -> Iterator[RunningStack]:
    """A stack with two loaded models and its supervisor."""
    with start_stack(LOAD_MODELS=f"{ONE},{TWO}") as running:
        yield running


@pytest.fixture
def stack(shared: RunningStack) -> RunningStack:
    """The same, whole: a test before may have left something to be brought back, or no supervisor."""
    if is_whole(shared):
        return shared
    assert shared.command("stack", "start").returncode in (0, 1)  # 1: it runs, and so does its supervisor
    poll(lambda: is_whole(shared))
    return shared


def test_requests_outlive_a_torchserve_that_was_killed(stack: RunningStack) -> None:
    """Also those to a model of several workers, none of which is READY for a while."""
    before, client = restarts(stack, "torchserve"), Client(stack.url)
    assert stack.command("lifecycle", "scale", ONE, "3").returncode == 0
    with asking(stack.url, ONE, 4) as asked:
        wait_for_answers(asked, 1)
        os.kill(record(stack, "torchserve").pid, signal.SIGKILL)
        killed = time.monotonic()
        poll(lambda: client.get("/api/v1/health/ready").status_code, lambda status: status == 503)
        poll(lambda: client.get("/api/v1/health/ready").status_code, lambda status: status == 200, seconds=60)
        assert time.monotonic() - killed < 60
        poll(lambda: restarts(stack, "torchserve"), lambda count: count == before + 1)
    assert [answer.body for answers in asked for answer in answers if answer.status != 200] == []
    assert client.predict(FRAME, TWO).status_code == 200
    # As they were, once the proxy has looked again.
    poll(lambda: set(client.get("/api/v1/models").json()["loaded_models"]), lambda loaded: loaded == {ONE, TWO})
    assert client.predict(FRAME, IDLE).status_code == 200
    assert stack.command("lifecycle", "scale", IDLE, "0").returncode == 0
    assert stack.command("lifecycle", "scale", ONE, "1").returncode == 0


def test_restarts_are_told_by_status_metrics_and_log(stack: RunningStack) -> None:
    before = restarts(stack, "torchserve")
    os.kill(record(stack, "torchserve").pid, signal.SIGKILL)
    poll(lambda: restarts(stack, "torchserve"), lambda count: count == before + 1, seconds=60)
    shown = stack.command("stack", "status").stdout
    times = "once" if before == 0 else f"{before + 1} times"
    assert f"brought back {times}, running since " in shown
    poll(
        lambda: requests.get(f"{stack.url}/metrics", timeout=10).text.splitlines(),
        lambda lines: f'emotion_stack_restarts_total{{part="torchserve"}} {before + 1}' in lines,
    )
    log = (stack.settings.log_dir / "supervisor.log").read_text()
    assert "torchserve has ended by itself; it is started again" in log
    assert "torchserve is back after " in log


def test_workers_of_a_killed_nginx_answer_what_they_have_and_leave_the_port(stack: RunningStack) -> None:
    proxy = record(stack, "proxy")
    orphans = proxy.members()[1:]
    assert len(orphans) == 2
    with ThreadPoolExecutor(1) as thread:
        with Operator(stack).frozen(ONE_ARCHIVE):
            waiting = thread.submit(Client(stack.url).predict, FRAME, ONE)
            poll(lambda: Scrape(stack.url).in_flight(), lambda count: count == 1)
            os.kill(proxy.pid, signal.SIGKILL)
            poll(lambda: master(stack), lambda pid: pid not in (None, proxy.pid))
            poll(lambda: Client(stack.url).get("/api/v1/health/live").status_code, lambda status: status == 200)
        assert waiting.result().status_code == 200
    assert psutil.wait_procs(orphans, timeout=30)[1] == []


def test_stop_ends_the_workers_of_an_nginx_that_was_killed_too(stack: RunningStack) -> None:
    """Without a supervisor nobody but stop looks after them."""
    os.kill(record(stack, "supervisor").pid, signal.SIGKILL)
    proxy = record(stack, "proxy")
    orphans = proxy.members()[1:]
    os.kill(proxy.pid, signal.SIGKILL)
    poll(lambda: proxy.alive, lambda alive: not alive)
    shown = stack.command("stack", "status")
    assert (shown.returncode, "supervisor does not run" in shown.stdout) == (1, True)
    assert stack.command("stack", "stop").stdout == "Stopped proxy and torchserve.\n"
    assert psutil.wait_procs(orphans, timeout=5)[1] == []
    assert stack.command("stack", "start").returncode == 0


def test_without_a_supervisor_nobody_waits_for_what_will_not_come(stack: RunningStack) -> None:
    os.kill(record(stack, "supervisor").pid, signal.SIGKILL)
    os.kill(record(stack, "torchserve").pid, signal.SIGKILL)
    answer = Client(stack.url).predict(FRAME, ONE)
    assert answer.status_code == 503
    assert "TorchServe is not running" in answer.json()["error"]
    assert answer.elapsed.total_seconds() < stack.settings.predict_timeout / 2
    listed = Client(stack.url).get("/api/v1/models").json()["models"][ONE]
    assert (listed["error"], str(listed["retry_after"])) == (answer.json()["error"], answer.headers["Retry-After"])
    assert "emotion_supervisor_up 0" in requests.get(f"{stack.url}/metrics", timeout=10).text.splitlines()
    assert stack.command("stack", "stop").stdout.startswith("Stopped proxy")
    assert stack.command("stack", "start").returncode == 0


def test_a_model_is_waited_for_that_torchserve_does_not_know_again_yet(stack: RunningStack) -> None:
    """A TorchServe that was started again has its first model while the proxy still thinks that it has all others."""
    os.kill(record(stack, "supervisor").pid, signal.SIGKILL)
    starting = Supervision(os.getpid(), {"torchserve": PartState("starting", 1), "proxy": PartState()})
    write_supervision(stack.settings, starting)
    stack.settings.key_file.touch()
    management = Management(stack.settings)
    (known,) = management.describe(TWO)
    try:
        with ThreadPoolExecutor(1) as threads:
            management.unregister(TWO, known.version)
            answer = threads.submit(Client(stack.url).predict, FRAME, TWO)
            assert stack.command("lifecycle", "register", TWO).returncode == 0
            assert answer.result(timeout=90).status_code == 200, answer.result().text
    finally:
        stack.settings.supervision_file.unlink()


def test_start_brings_back_a_supervisor_alone(stack: RunningStack) -> None:
    before = record(stack, "torchserve")
    os.kill(record(stack, "supervisor").pid, signal.SIGKILL)
    started = stack.command("stack", "start")
    assert (started.returncode, "without its supervisor" in started.stdout) == (0, True)
    assert record(stack, "torchserve") == before
    assert record(stack, "supervisor").alive


@pytest.fixture
def impatient(stack: RunningStack) -> Iterator[IO[str]]:
    """What a supervisor prints that waits for six seconds where others wait for twenty."""
    record(stack, "supervisor").stop(signal.SIGTERM, 10)
    command = [sys.executable, "-c", IMPATIENT]
    with subprocess.Popen(
        command, cwd=ROOT, env=stack.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as supervisor:
        assert supervisor.stdout
        try:
            poll(lambda: restarts(stack, "torchserve"), lambda count: count == 0)
            yield supervisor.stdout
        finally:
            supervisor.terminate()


def test_a_torchserve_that_hangs_is_replaced(stack: RunningStack, impatient: IO[str]) -> None:
    hanging = record(stack, "torchserve")
    with stopped(hanging.pid):
        said = impatient.readline()
        poll(lambda: restarts(stack, "torchserve"), lambda count: count == 1, seconds=60)
    assert "torchserve gave no sign of life for 6 s; it is started again" in said
    assert not hanging.alive
    assert Client(stack.url).predict(FRAME, ONE).status_code == 200


def test_while_it_comes_back_after_a_pause_no_model_is_taken_for_unregistered(
    stack: RunningStack, impatient: IO[str]
) -> None:
    """In the pause nobody waits; then TorchServe answers before it has its models."""
    with asking(stack.url, ONE, 4) as asked:
        for count in (1, 2):
            wait_for_answers(asked, 1)
            os.kill(record(stack, "torchserve").pid, signal.SIGKILL)
            poll(lambda: restarts(stack, "torchserve"), partial(eq, count), seconds=60)
    assert {answer.status for answers in asked for answer in answers} <= {200, 503}
    assert Client(stack.url).predict(FRAME, ONE).status_code == 200


def test_an_nginx_process_that_was_stopped_is_replaced(stack: RunningStack, impatient: IO[str]) -> None:
    """New connections may all go to the other one, so that the proxy as a whole still answers."""
    master, *workers = record(stack, "proxy").members()
    workers[0].suspend()
    assert f"process {workers[0].pid} of the proxy was stopped for 1 s and is replaced" in impatient.readline()
    replaced = poll(
        lambda: record(stack, "proxy").members(), lambda members: len(members) == 3 and workers[0] not in members
    )
    assert replaced[:2] == [master, workers[1]], "the others go on"
    assert Client(stack.url).predict(FRAME, ONE).status_code == 200


def test_what_ends_at_once_is_started_again_after_ever_longer_pauses(stack: RunningStack) -> None:
    configuration = stack.settings.run_dir / "nginx" / "nginx.conf"
    whole = configuration.read_text()
    log = stack.settings.log_dir / "supervisor.log"
    read = len(log.read_text())
    configuration.write_text("broken\n")
    record(stack, "proxy").stop(signal.SIGKILL, 10)
    poll(lambda: log.read_text()[read:], lambda text: "started again in 2 s" in text, seconds=30)
    configuration.write_text(whole)
    poll(lambda: restarts(stack, "proxy"), lambda count: count >= 3, seconds=60)
    assert Client(stack.url).predict(FRAME, ONE).status_code == 200
    text = log.read_text()[read:]
    assert "proxy was not brought back: the proxy ended: " in text
    assert text.index("started again in 1 s") < text.index("started again in 2 s")


def test_a_port_that_another_program_has_taken_is_named_and_waited_for(stack: RunningStack) -> None:
    log, port = stack.settings.log_dir / "supervisor.log", stack.settings.port
    read = len(log.read_text())
    with stopped(record(stack, "supervisor").pid):
        record(stack, "proxy").kill_group(10)
        taking = socket.create_server(("127.0.0.1", port))
    with taking:
        poll(lambda: log.read_text()[read:], lambda text: f"another program has taken port {port}" in text, seconds=30)
    poll(lambda: record(stack, "proxy").alive and restarts(stack, "proxy") > 0, bool, seconds=60)
    assert Client(stack.url).predict(FRAME, ONE).status_code == 200
    assert "proxy is back" not in log.read_text()[read:].partition("another program")[0]


def test_a_stack_whose_folder_is_deleted_ends(stack: RunningStack) -> None:
    parts = [record(stack, name) for name in ("torchserve", "proxy", "supervisor")]
    processes = [process for part in parts for process in part.members() or [psutil.Process(part.pid)]]
    assert len(processes) > len(parts)
    shutil.rmtree(stack.settings.run_dir, ignore_errors=True)
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    assert stack.command("stack", "start").returncode == 0
