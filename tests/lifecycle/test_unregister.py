"""Unregistering while clients ask, from this machine and from another: what was asked before is answered."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import requests

from tests.lifecycle.remote import Remote
from tests.lifecycle.test_retirement import asked_past_the_proxy
from tests.support.asking import Answer, asking, predict, wait_for_answers
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator
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
    assert refusal(stack) == GONE


def test_it_waits_for_what_was_asked_before(stack: RunningStack, unregister: Unregister) -> None:
    """The worker hangs meanwhile, so that the order of things is known."""
    operator = Operator(stack)
    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        with operator.frozen(ARCHIVE):
            asked = [threads.submit(predict, stack.url, SERVED) for _ in range(CLIENTS)]
            poll(lambda: operator.pending(ARCHIVE))
            unregistered = threads.submit(unregister)
            poll(lambda: refusal(stack), lambda reason: reason == CLOSING)
            refused = predict(stack.url, SERVED)
            assert (refused.status, refused.body["error"]) == (500, CLOSING)
            assert not wait(asked, timeout=2).done
            assert not unregistered.done()
        unregistered.result()
        answers = [answer.result() for answer in asked]
    assert statuses(answers) == [200] * CLIENTS


@pytest.mark.parametrize("door", ["here", "from afar"])
def test_a_version_that_serves_no_more_goes_when_it_has_answered(remote: Remote, door: str) -> None:
    stack, operator = remote.stack, Operator(remote.stack)

    def unregister() -> bool:
        if door == "here":
            return stack.command("lifecycle", "unregister", SERVED, "--version", "1.0").returncode == 0
        return remote("DELETE", f"/models/{SERVED}/1.0").status_code == 200

    with ThreadPoolExecutor(CLIENTS + 1) as threads:
        with operator.frozen(ARCHIVE):
            asked = [threads.submit(asked_past_the_proxy, stack) for _ in range(CLIENTS)]
            poll(lambda: operator.pending(ARCHIVE))
            assert remote("POST", "/models", url=NEXT, initial_workers=1).status_code == 202
            poll(lambda: remote("GET", f"/models/{SERVED}/1.1").text, lambda text: "READY" in text)
            assert remote("PUT", f"/models/{SERVED}/1.1/set-default").status_code == 200
        assert unregister()
        assert [answer.result().status_code for answer in asked] == [200] * CLIENTS
    assert predict(stack.url, SERVED).body["version"] == "1.1"
    for change in (["unregister", SERVED], ["register", SERVED]):
        assert stack.command("lifecycle", *change).returncode == 0


def test_the_version_that_serves_goes_only_with_all_others(remote: Remote) -> None:
    assert remote("POST", "/models", url=NEXT).status_code in (200, 202)
    refused = remote.stack.command("lifecycle", "unregister", SERVED, "--version", "1.0")
    assert refused.returncode == 1
    assert f"{SERVED} 1.0 serves, and can only go with all other versions" in refused.stderr
    assert remote("DELETE", f"/models/{SERVED}/1.0").status_code >= 400
    assert predict(remote.stack.url, SERVED).status == 200
    assert remote("DELETE", f"/models/{SERVED}/1.1").status_code == 200


def test_a_mark_ends_with_the_process_that_set_it(remote: Remote) -> None:
    """A command that is killed cannot take it back."""
    stack, mark = remote.stack, remote.stack.settings.closing_file
    mark.write_text(json.dumps({"pid": os.getpid(), "archives": [ARCHIVE]}))
    poll(lambda: predict(stack.url, SERVED).status, lambda status: status == 500)
    assert predict(stack.url, OTHER).status == 200
    ended = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    mark.write_text(json.dumps({"pid": int(ended.stdout), "archives": [ARCHIVE]}))
    poll(lambda: predict(stack.url, SERVED).status, lambda status: status == 200)
    mark.unlink()
