"""What becomes of the versions that do not serve any more, or not again, also where a change is not finished."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import requests

from scripts.errors import INTERRUPTED, NOT_LOADED
from scripts.lifecycle import changes
from scripts.lifecycle.changes import Lifecycle
from scripts.lifecycle.outcomes import UnfinishedError
from scripts.settings import ROOT
from scripts.torchserve.management import Management, ManagementError
from tests.lifecycle.listing import rows_of
from tests.support.asking import IMAGE, predict
from tests.support.models import ARCHIVE, SERVED
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack

Rows = dict[str, tuple[bool, str, int]]

# Answers as version 1.2 of SERVED should, until a file appears.
FICKLE = """
import json, os

class Fickle:
    def initialize(self, context):
        pass

    def handle(self, data, context):
        if os.path.exists({flag!r}):
            raise ValueError("changed its mind")
        labels = ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")
        answer = {{"success": True, "predictions": dict.fromkeys(labels, 1 / 7), "version": "1.2"}}
        return [json.dumps(answer)] * len(data)
"""

ENDLESS = """
import time

class Endless:
    def initialize(self, context):
        time.sleep(600)

    def handle(self, data, context):
        return data
"""


def rows(stack: RunningStack) -> Rows:
    """Whether each version of SERVED is the default, its state and its workers."""
    return {row["version"]: (row["default"], row["state"], row["workers"]) for row in rows_of(stack)}


def done(stack: RunningStack, *arguments: str) -> None:
    """Make a change, which must succeed."""
    changed = stack.command("lifecycle", *arguments)
    assert changed.returncode == 0, changed.stderr


def asked_past_the_proxy(stack: RunningStack) -> requests.Response:
    """A prediction that is never repeated, of which no client has too many under way."""
    return requests.post(
        f"http://127.0.0.1:{stack.settings.inference_port}/predictions/{ARCHIVE}",
        data=IMAGE,
        headers={"Authorization": f"Bearer {stack.keys()['inference']}", "Content-Type": "image/jpeg"},
        timeout=60,
    )


def test_an_upgrade_leaves_the_old_worker_until_it_has_answered_a_full_queue(stack: RunningStack) -> None:
    """The worker hangs meanwhile, and no further request of any kind would be taken into its queue."""
    operator = Operator(stack)
    capacity = operator.describe(ARCHIVE)["jobQueueStatus"]["remainingCapacity"]
    with ThreadPoolExecutor(capacity + 10) as threads:
        with operator.frozen(ARCHIVE):
            asked = [threads.submit(asked_past_the_proxy, stack) for _ in range(capacity + 9)]
            poll(lambda: operator.pending(ARCHIVE), lambda pending: pending == capacity)
            upgraded = threads.submit(stack.command, "lifecycle", "upgrade", SERVED, f"{ARCHIVE}-1.1.mar")
            poll(lambda: operator.describe(ARCHIVE)["modelVersion"], lambda version: version == "1.1")
            assert not wait([upgraded], timeout=3).done
        assert upgraded.result().returncode == 0, upgraded.result().stderr
        answers = [answer.result() for answer in asked]
    served = [answer.json()["version"] for answer in answers if answer.status_code == 200]
    assert set(served) == {"1.0"}
    assert len(served) > capacity
    assert {answer.status_code for answer in answers} == {200, 503}  # at least one more than there is room for
    assert rows(stack) == {"1.1": (True, "ready", 1), "1.0": (False, "idle", 0)}


def test_a_rollback_to_a_version_that_answers_no_more_is_refused_and_changes_nothing(
    stack: RunningStack, site: Site, tmp_path: Path
) -> None:
    flag = tmp_path / "flag"
    code = {"emotion_handler.py": FICKLE.format(flag=str(flag))}
    fickle = repack(site.store / f"{ARCHIVE}-1.1.mar", site.store / f"{ARCHIVE}-1.2.mar", "1.2", code)
    done(stack, "upgrade", SERVED, fickle.name)
    done(stack, "rollback", SERVED)
    before = rows(stack)
    assert before == {"1.1": (True, "ready", 1), "1.2": (False, "idle", 0)}
    flag.touch()
    refused = stack.command("lifecycle", "rollback", SERVED)
    flag.unlink()
    assert refused.returncode == NOT_LOADED
    assert f"version 1.2 of {ARCHIVE} answers its probe with 503" in refused.stderr
    assert rows(stack) == before
    assert predict(stack.url, SERVED).body["version"] == "1.1"


def test_a_rollback_among_three_versions_goes_to_the_one_that_served_before(stack: RunningStack) -> None:
    done(stack, "scale", SERVED, "1", "--version", "1.2")  # with a worker it stays through the upgrade
    done(stack, "upgrade", SERVED, f"{ARCHIVE}.mar")
    other = {"1.2": (False, "ready", 1)}
    assert rows(stack) == {"1.0": (True, "ready", 1), "1.1": (False, "idle", 0), **other}
    done(stack, "rollback", SERVED)
    assert rows(stack) == {"1.1": (True, "ready", 1), "1.0": (False, "idle", 0), **other}
    assert predict(stack.url, SERVED).body["version"] == "1.1"


def unanswered(*_: object) -> None:
    """In place of a call of TorchServe."""
    raise ManagementError("it does not answer")


def serving(stack: RunningStack) -> str:
    """The version that serves."""
    return next(version for version, (default, *_) in rows(stack).items() if default)


def test_what_fails_after_the_switch_is_told_and_the_same_command_mends_it(
    stack: RunningStack, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = repack(site.store / f"{ARCHIVE}-1.1.mar", site.store / f"{ARCHIVE}-1.3.mar", "1.3")
    old = serving(stack)
    with monkeypatch.context() as patched:
        patched.setattr(changes, "drain", unanswered)
        with pytest.raises(UnfinishedError, match=f"version 1.3 of .* serves now, and {old} still has its workers"):
            Lifecycle(stack.settings, lambda message: None).upgrade(SERVED, archive.name)
    assert (rows(stack)["1.3"], rows(stack)[old]) == ((True, "ready", 1), (False, "ready", 1))
    planned = stack.command("lifecycle", "upgrade", SERVED, archive.name, "--dry-run", "--json")
    assert (json.loads(planned.stdout)["before"], rows(stack)[old][2]) == (old, 1)
    for changed in (True, False):
        again = stack.command("lifecycle", "upgrade", SERVED, archive.name, "--json")
        assert (again.returncode, json.loads(again.stdout)["changed"]) == (0, changed)
        assert (rows(stack)["1.3"], rows(stack)[old]) == ((True, "ready", 1), (False, "idle", 0))


@pytest.mark.parametrize("command", ["upgrade", "rollback"])
def test_a_switch_that_fails_leaves_no_worker_behind(
    stack: RunningStack, site: Site, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    archive = repack(site.store / f"{ARCHIVE}-1.1.mar", site.store / f"{ARCHIVE}-1.4.mar", "1.4")
    before = rows(stack)
    lifecycle = Lifecycle(stack.settings, lambda message: None)
    with monkeypatch.context() as patched:
        patched.setattr(Management, "set_default", unanswered)
        with pytest.raises(ManagementError):
            lifecycle.upgrade(SERVED, archive.name) if command == "upgrade" else lifecycle.rollback(SERVED)
    assert rows(stack) == before


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_change_that_is_told_to_end_takes_back_what_is_half_done(
    stack: RunningStack, site: Site, number: signal.Signals
) -> None:
    code = {"emotion_handler.py": ENDLESS}
    archive = repack(site.store / f"{ARCHIVE}-1.1.mar", site.store / f"{ARCHIVE}-1.9.mar", "1.9", code)
    before = rows(stack)
    command = [sys.executable, "-m", "scripts.lifecycle", "upgrade", SERVED, archive.name]
    with subprocess.Popen(command, cwd=ROOT, env=stack.environment, stderr=subprocess.DEVNULL) as change:
        poll(lambda: rows(stack), lambda found: "1.9" in found)
        change.send_signal(number)
        assert change.wait(30) == INTERRUPTED
    assert rows(stack) == before
    line = json.loads((stack.settings.log_dir / "management.log").read_text().splitlines()[-1])
    assert (line["method"], line["status"], line["result"]) == ("upgrade", 499, "interrupted")
