"""Unregistering while clients ask, from this machine and from another: what was asked before is answered."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import requests

from scripts.lifecycle.closing import closed
from scripts.lifecycle.outcomes import LifecycleError
from scripts.settings import ROOT
from tests.lifecycle.remote import Remote
from tests.support.asking import IMAGE, Answer, asking, predict, wait_for_answers
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.stacks import RunningStack

CLIENTS = 8
CLOSING = (
    f"Model {SERVED} is not served: it is being unregistered; choose another of those that GET /api/v1/models lists."
)
GONE = f"Model {SERVED} is not registered with TorchServe; register its archive or start the stack again."
NEXT = f"{ARCHIVE}-1.1.mar"

Unregister = Callable[[], None]


@pytest.fixture(params=["here", "from afar"])
def unregister(remote: Remote, request: pytest.FixtureRequest) -> Unregister:
    """Unregister SERVED, through one door or the other, which must succeed."""

    def here() -> None:
        gone = remote.stack.command("lifecycle", "unregister", SERVED)
        assert gone.returncode == 0, gone.stderr

    def from_afar() -> None:
        gone = remote("DELETE", f"/models/{SERVED}")
        assert (gone.status_code, gone.json()["status"]) == (200, f'Model "{ARCHIVE}" unregistered')

    return here if request.param == "here" else from_afar


@pytest.fixture
def stack(remote: Remote) -> Iterator[RunningStack]:
    """The stack of the module; SERVED is registered again afterwards, and answers."""
    yield remote.stack
    back = remote.stack.command("lifecycle", "register", SERVED)
    assert back.returncode == 0, back.stderr
    poll(lambda: predict(remote.stack.url, SERVED).status, lambda status: status == 200)


def refusal(stack: RunningStack) -> str:
    """Why SERVED is not ready, as a client is told; empty if it is."""
    answer = requests.get(f"{stack.url}/api/v1/models/{SERVED}/ready", timeout=10).json()
    return str(answer.get("error", "")).removeprefix("Not ready: ")


def statuses(own: list[Answer]) -> list[int]:
    return [answer.status for answer in own]


def test_clients_get_an_answer_until_they_are_refused(stack: RunningStack, unregister: Unregister) -> None:
    """Not one of them waits for a worker that has ended: that would be a 504."""
    with asking(stack.url, SERVED, CLIENTS) as answers:
        wait_for_answers(answers, 3)
        unregister()
        poll(lambda: all(own[-1].status == 500 for own in answers))
    for own in answers:
        assert [status for status, _ in itertools.groupby(statuses(own))] == [200, 500]
    assert {answer.body["error"] for own in answers for answer in own if answer.status == 500} <= {CLOSING, GONE}
    poll(lambda: refusal(stack), lambda reason: reason == GONE)


def test_it_waits_for_what_was_asked_before(stack: RunningStack, unregister: Unregister) -> None:
    """The worker hangs meanwhile, so that the order of things is known."""
    operator = Operator(stack)
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        with operator.frozen(ARCHIVE):
            before = operator.received(ARCHIVE)
            asked = [threads.submit(predict, stack.url, SERVED) for _ in range(CLIENTS)]
            poll(lambda: operator.received(ARCHIVE), lambda received: received == before + CLIENTS)
            unregistered = threads.submit(unregister)
            poll(lambda: refusal(stack), lambda reason: reason == CLOSING)
            refused = predict(stack.url, SERVED)
            assert (refused.status, refused.body["error"]) == (500, CLOSING)
            assert not wait(asked, timeout=2).done
            assert not unregistered.done()
        unregistered.result()
        answers = [answer.result() for answer in asked]
    assert statuses(answers) == [200] * CLIENTS


def asked_of(stack: RunningStack, version: str) -> int:
    """The status of a prediction by one version, past the proxy."""
    return requests.post(
        f"http://127.0.0.1:{stack.settings.inference_port}/predictions/{ARCHIVE}/{version}",
        data=IMAGE,
        headers={"Authorization": f"Bearer {stack.keys()['inference']}", "Content-Type": "image/jpeg"},
        timeout=60,
    ).status_code


def gone_here(remote: Remote, begun: Event) -> bool:
    command = [sys.executable, "-m", "scripts.lifecycle", "unregister", SERVED, "--version", "1.0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=remote.stack.environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr
        assert process.stderr.readline() == "Waiting until version 1.0 has answered what it was asked …\n"
        begun.set()
    return process.returncode == 0


def gone_from_afar(remote: Remote, begun: Event) -> bool:
    begun.set()
    return remote("DELETE", f"/models/{SERVED}/1.0").status_code == 200


@pytest.mark.parametrize("unregister", [gone_here, gone_from_afar])
def test_a_version_that_serves_no_more_goes_when_it_has_answered(
    remote: Remote, unregister: Callable[[Remote, Event], bool]
) -> None:
    operator, begun = Operator(remote.stack), Event()
    pid = operator.only_worker(ARCHIVE)
    assert remote("POST", "/models", url=NEXT, initial_workers=1, synchronous="true").status_code == 200
    assert remote("PUT", f"/models/{SERVED}/1.1/set-default").status_code == 200
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        with stopped(pid):
            before = operator.received(ARCHIVE)
            asked = [threads.submit(asked_of, remote.stack, "1.0") for _ in range(CLIENTS)]
            poll(lambda: operator.received(ARCHIVE), lambda received: received == before + CLIENTS)
            gone = threads.submit(unregister, remote, begun)
            assert begun.wait(60)
            assert not wait([gone], timeout=2).done
        assert gone.result()
        assert [answer.result() for answer in asked] == [200] * CLIENTS
    assert predict(remote.stack.url, SERVED).body["version"] == "1.1"
    for change in (("unregister", SERVED), ("register", f"{ARCHIVE}.mar")):  # by its file, since 1.1 was chosen last
        assert remote.stack.command("lifecycle", *change).returncode == 0


def test_the_version_that_serves_goes_only_with_all_others(remote: Remote) -> None:
    assert remote("POST", "/models", url=NEXT, synchronous="true").status_code == 200
    refused = remote.stack.command("lifecycle", "unregister", SERVED, "--version", "1.0")
    assert refused.returncode == 1
    assert f"{SERVED} 1.0 serves, and can only go with all other versions" in refused.stderr
    assert remote("DELETE", f"/models/{SERVED}/1.0").status_code >= 400
    assert predict(remote.stack.url, SERVED).status == 200
    assert remote("DELETE", f"/models/{SERVED}/1.1").status_code == 200


def test_a_mark_ends_when_nobody_renews_it(remote: Remote) -> None:
    """A command that is killed cannot take it back; where it runs in another container, its process is not seen."""
    stack, mark = remote.stack, remote.stack.settings.closing_file
    mark.write_text(json.dumps({"archives": [ARCHIVE]}))
    poll(lambda: predict(stack.url, SERVED).status, lambda status: status == 500)
    assert predict(stack.url, OTHER).status == 200
    poll(lambda: predict(stack.url, SERVED).status, lambda status: status == 200)
    mark.unlink()


def test_what_the_proxy_does_not_notice_is_not_unregistered(remote: Remote, tmp_path: Path) -> None:
    """As if the file that tells it was in a folder that it does not see."""
    elsewhere = replace(remote.stack.settings, run_dir=tmp_path)
    with (
        pytest.raises(LifecycleError, match=f"{re.escape(SERVED)} stays registered: the proxy has not refused its"),
        closed(elsewhere, SERVED, ARCHIVE),
    ):
        pytest.fail("it may be unregistered")
    assert list(tmp_path.iterdir()) == []
