"""Canaries and shadows: whom they answer, what is counted, and that a bad archive costs no client an error."""

from __future__ import annotations

import json
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.torchserve.management import Management
from tests.lifecycle.bad_handler import bad_handler
from tests.lifecycle.canaries import OTHERWISE, SAME, USERS, ask, expected, has_ended, row_of, run, trial, trial_once
from tests.lifecycle.remote import Remote
from tests.monitoring.runbook import follow
from tests.support.asking import IMAGE, TIMEOUT, asking, predict, wait_for_answers
from tests.support.leaving import leave, proxy_processes
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack

BAD = f"{ARCHIVE}-1.3.mar"
REFUSED = 1
ROUNDS_UNTIL_RETIRED = 5  # of a second: proxy/njs/poller/trials.js


@pytest.fixture(scope="module")
def flag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the bad archive does wrong from now on: the file's content."""
    return tmp_path_factory.mktemp("bad") / "fault"


@pytest.fixture(scope="module")
def site(site: Site, built: Site, flag: Path) -> Site:
    """A store with two more versions: one that answers like the one that serves, and a bad one."""
    repack(built.archive(SERVED), site.store / SAME, "1.2")
    with zipfile.ZipFile(built.archive(SERVED)) as archive:
        name = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]["handler"]
        source = archive.read(name).decode()
    repack(built.archive(SERVED), site.store / BAD, "1.3", {name: source + bad_handler(flag)})
    return site


def series(stack: RunningStack, name: str) -> list[str]:
    text = requests.get(f"{stack.url}/metrics", timeout=TIMEOUT).text
    return [line for line in text.splitlines() if line.startswith(name)]


def audit(stack: RunningStack) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (stack.settings.log_dir / "management.log").read_text().splitlines()]


def test_a_canary_answers_the_same_clients_always_and_is_promoted(stack: RunningStack) -> None:
    change = run(stack, "canary", SERVED, SAME, "--percent", "50", "--by", "header:X-User")
    assert change == {"model": SERVED, "version": "1.2", "workers": 1, "before": "1.0", "changed": True}
    wanted = expected("1.2", 50)
    assert len(Counter(wanted.values())) == 2
    for _ in range(2):
        assert {user: ask(stack, user)["version"] for user in USERS} == wanted
    own = 2 * Counter(wanted.values())["1.2"]
    found = trial_once(stack, lambda found: found["compared"] >= own)
    assert (found["asked"], found["failed"], found["compared"], found["agreed"]) == (own, 0, own, own)
    assert found["under_way"]
    assert found["end"] is None

    for command in (("upgrade", SERVED, OTHERWISE), ("rollback", SERVED), ("unregister", SERVED, "--version", "1.2")):
        refused = stack.command("lifecycle", *command)
        assert refused.returncode == REFUSED
        assert "is a canary now" in refused.stderr

    # Whoever was among them stays; nothing is loaded again, and what was counted stays.
    run(stack, "canary", SERVED, SAME, "--percent", "80", "--by", "header:X-User")
    assert {user: ask(stack, user)["version"] for user in USERS} == expected("1.2", 80)
    trial_once(stack, lambda found: found["asked"] > own)

    run(stack, "promote", SERVED)
    assert {ask(stack, user)["version"] for user in USERS} == {"1.2"}
    assert run(stack, "trials") == []
    run(stack, "rollback", SERVED)
    assert {ask(stack, user)["version"] for user in USERS} == {"1.0"}


@pytest.mark.parametrize("fault", ["raises", "labels", "dies", "slow"])
def test_a_bad_canary_is_aborted_and_costs_no_client_an_error(stack: RunningStack, flag: Path, fault: str) -> None:
    flag.unlink(missing_ok=True)
    run(stack, "canary", SERVED, BAD, "--percent", "100")
    with asking(stack.url, SERVED, 4) as answers:
        wait_for_answers(answers, 8)
        assert {own[-1].body["version"] for own in answers} == {"1.3"}
        flag.write_text(fault)
        found = trial_once(stack, has_ended)
        wait_for_answers(answers, 3)
    flag.unlink()
    assert {answer.status for own in answers for answer in own} == {200}
    assert {own[-1].body["version"] for own in answers} == {"1.0"}
    assert found["end"]["reason"] == ("latency" if fault == "slow" else "errors")
    labels = f'model="{SERVED}",kind="canary",version="1.3"'
    assert f"emotion_trial_aborted{{{labels}}} 1" in series(stack, "emotion_trial_aborted")
    poll(
        lambda: [line["result"] for line in audit(stack) if line["who"] == "the proxy"],
        lambda lines: lines[-1:] == [f"canary ended ({found['end']['reason']}): {found['end']['text']}"],
    )
    management = Management(stack.settings)
    poll(
        lambda: [one.min_workers for one in management.describe(ARCHIVE) if one.version == "1.3"],
        lambda now: now == [0],
    )
    row = row_of(stack, "1.3")
    assert (row["workers"], row["trial"]) == (0, f"canary, aborted: {found['end']['text']}")
    said = follow(stack, "EmotionTrialAborted", SERVED)
    assert found["end"]["text"] in " ".join(said.split())
    assert row_of(stack, "1.3") == {}


def test_a_canary_that_answers_otherwise_is_aborted(stack: RunningStack, flag: Path) -> None:
    flag.write_text("otherwise")
    run(stack, "canary", SERVED, BAD, "--percent", "100", "--max-slower", "100")
    for _ in range(12):
        assert predict(stack.url, SERVED).status == 200
    found = trial_once(stack, has_ended)
    assert found["end"]["reason"] == "disagreement"
    assert predict(stack.url, SERVED).body["version"] == "1.0"
    run(stack, "abort", SERVED)


def test_a_shadow_is_asked_and_changes_no_answer(stack: RunningStack, flag: Path) -> None:
    flag.write_text("otherwise")
    before = predict(stack.url, SERVED).body
    run(stack, "shadow", SERVED, BAD)
    assert [predict(stack.url, SERVED).body for _ in range(6)] == [before] * 6
    found = trial_once(stack, lambda found: found["compared"] >= 6)
    assert (found["compared"], found["agreed"], found["results"]) == (6, 0, {"answered": 6})
    assert found["labels"] == {before["top_emotion"]: [6, 0]}
    labels = f'model="{SERVED}",kind="shadow",version="1.3",label="{before["top_emotion"]}",agrees="no"'
    assert f"emotion_trial_comparisons_total{{{labels}}} 6" in series(stack, "emotion_trial_comparisons_total")
    compared = requests.post(
        f"{stack.url}/api/v1/compare",
        files={"file": IMAGE},
        data={"model": [SERVED, OTHER]},
        timeout=TIMEOUT,
    ).json()
    assert [result["version"] for result in compared["results"]] == ["1.0", "1.0"]
    trial_once(stack, lambda found: found["compared"] == 7)
    run(stack, "abort", SERVED)


@pytest.mark.parametrize("command", ["canary", "shadow"])
def test_clients_that_reset_their_connections_end_no_process_of_the_proxy(stack: RunningStack, command: str) -> None:
    limits = ("--max-slower", "100") if command == "canary" else ()
    run(stack, command, SERVED, SAME, "--percent", "100", *limits)
    before = proxy_processes(stack)
    with asking(stack.url, SERVED, 2) as answers:
        leave(stack.url, SERVED, IMAGE, 60, resets=True)
    assert {answer.status for own in answers for answer in own} == {200}
    assert proxy_processes(stack) == before
    assert trial(stack)["end"] is None
    run(stack, "abort", SERVED)


def test_what_makes_no_sense_is_refused(stack: RunningStack) -> None:
    for arguments, said in (
        (("canary", SERVED, f"{ARCHIVE}.mar"), "which serves already"),
        (("promote", SERVED), "has no canary and no shadow"),
        (("abort", SERVED), "has no canary and no shadow"),
        (("canary", SERVED, f"{OTHER}.mar"), "give an archive of"),
    ):
        refused = stack.command("lifecycle", *arguments)
        assert (refused.returncode, said in refused.stderr) == (REFUSED, True), refused.stderr
    for option in (("--percent", "0"), ("--percent", "101"), ("--by", "cookie"), ("--max-slower", "0.5")):
        assert stack.command("lifecycle", "canary", SERVED, SAME, *option).returncode == 2


def test_a_canary_outlives_a_stop_and_a_start(stack: RunningStack) -> None:
    """Last, since it stops the stack."""
    run(stack, "canary", SERVED, SAME, "--percent", "50", "--by", "header:X-User")
    wanted = expected("1.2", 50)
    assert {user: ask(stack, user)["version"] for user in USERS} == wanted
    before = trial_once(stack, lambda found: found["compared"] == found["asked"] > 0)
    assert stack.command("stack", "stop").returncode == 0
    assert stack.command("stack", "start").returncode == 0
    trial_once(stack, lambda found: found["under_way"])
    assert trial(stack)["asked"] >= before["asked"]
    assert {user: ask(stack, user)["version"] for user in USERS} == wanted
    run(stack, "abort", SERVED)
    assert {ask(stack, user)["version"] for user in USERS} == {"1.0"}


def test_what_another_machine_changes_ends_a_canary_and_says_so(remote: Remote) -> None:
    stack = remote.stack
    run(stack, "canary", SERVED, SAME, "--percent", "100")
    assert predict(stack.url, SERVED).body["version"] == "1.2"
    assert remote("DELETE", f"/models/{ARCHIVE}/1.2").status_code == 200
    assert predict(stack.url, SERVED).body["version"] == "1.0"
    found = trial_once(stack, has_ended)
    assert found["end"]["reason"] == "unregistered"
    # What somebody registers or scales after its end keeps its workers.
    registered = remote("POST", "/models", url=SAME, initial_workers=1, synchronous="true")
    assert registered.ok, registered.text
    time.sleep(ROUNDS_UNTIL_RETIRED + 2)
    assert row_of(stack, "1.2")["ready"] == 1
    run(stack, "canary", SERVED, SAME, "--percent", "100")
    assert remote("PUT", f"/models/{ARCHIVE}/1.2/set-default").status_code == 200
    found = trial_once(stack, has_ended)
    assert found["end"]["reason"] == "promoted"
    assert predict(stack.url, SERVED).body["version"] == "1.2"
