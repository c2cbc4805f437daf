"""Registering and other changes from another machine: answered at once, done once, beside the predictions."""

from __future__ import annotations

import json
import secrets
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from scripts.processes import read_records
from tests.lifecycle.remote import Remote, error
from tests.support.asking import asking, predict, wait_for_answers
from tests.support.assertions import json_body
from tests.support.client import at_once
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.sites import Site, repack
from tests.support.wire import connection, exchange, head, read_reply

GUEST = "Guest.mar"
UNDER_WAY = f"{GUEST} is being registered; repeat GET /registrations/{GUEST} until its state is done or failed"
DONE = "Guest 1.0 is registered with 1 worker(s)"
TOO_LARGE = "The body is larger than 1 KiB; a call has its parameters in the address, send it without a body."
TOO_LONG = "The address is too long; names have 128 characters at most."


@pytest.fixture
def guest(remote: Remote, site: Site) -> Iterator[Path]:
    """An archive that is registered at the end of no test."""
    yield repack(site.store / f"{ARCHIVE}.mar", site.store / GUEST, "1.0", name="Guest")
    remote("DELETE", "/models/Guest")


def supervisor(remote: Remote) -> int:
    return read_records(remote.stack.settings.run_dir / "stack.json")["supervisor"].pid


def state(remote: Remote) -> str:
    shown = remote("GET", f"/registrations/{GUEST}")
    assert shown.status_code == 200, shown.text
    return str(shown.json()["state"])


def workers(remote: Remote, name: str) -> int:
    return len(remote("GET", f"/models/{name}").json()[0]["workers"])


def test_it_is_answered_before_anything_is_done_and_delays_no_prediction(remote: Remote, guest: Path) -> None:
    with asking(remote.stack.url, SERVED, 4) as answers:
        with stopped(supervisor(remote)):
            asked = remote("POST", "/models", url=GUEST)
            assert (asked.status_code, asked.json()) == (202, {"status": UNDER_WAY})
            assert asked.headers["Location"].endswith(f"/registrations/{GUEST}")
            assert state(remote) == "waiting"
            assert remote("GET", "/models/Guest").status_code == 404
            wait_for_answers(answers, 2)
        remote.poll(lambda: state(remote), lambda state: state == "done")
        wait_for_answers(answers, 2)
    assert {answer.status for own in answers for answer in own} == {200}
    # TorchServe was given the files, not the archive, which it would unpack on a thread that predictions share.
    assert Path(str(Operator(remote.stack).describe("Guest")["modelUrl"])).is_dir()


def test_who_asks_while_it_is_under_way_waits_for_the_same(remote: Remote, guest: Path) -> None:
    with ThreadPoolExecutor(2) as threads:
        with stopped(supervisor(remote)):
            assert remote("POST", "/models", url=GUEST).status_code == 202
            waiting = [
                threads.submit(remote, "POST", "/models", url=GUEST, initial_workers=2, synchronous="true")
                for _ in range(2)
            ]
            remote.poll(lambda: state(remote), lambda state: state == "waiting")
        answers = [future.result() for future in waiting]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(200, {"status": DONE})] * 2
    again = remote("POST", "/models", url=GUEST, synchronous="true")
    assert (again.status_code, again.json()) == (200, {"status": f"{DONE} already, and nothing was changed"})
    changes = [line for line in remote.log() if line["method"] == "register" and GUEST in line["request"]]
    assert [line["result"] for line in changes[-2:]] == [
        "Guest 1.0 with 1 worker(s)",
        "Guest 1.0 with 1 worker(s), as it was",
    ]


def test_what_does_not_load_is_told_and_not_kept(remote: Remote, site: Site, guest: Path) -> None:
    repack(site.store / f"{ARCHIVE}.mar", guest, "1.0", {"emotion_handler.py": "raise RuntimeError\n"}, name="Guest")
    refused = remote("POST", "/models", url=GUEST, synchronous="true")
    assert refused.status_code == 500
    assert "Guest" in refused.json()["error"]
    assert (
        remote("GET", f"/registrations/{GUEST}").json() | {"state": "failed", "status": 500}
        == remote("GET", f"/registrations/{GUEST}").json()
    )
    assert remote("GET", "/models/Guest").status_code == 404


def test_what_nobody_asked_for_is_not_there(remote: Remote) -> None:
    unknown = remote("GET", "/registrations/Other.mar")
    told = "Nobody has asked for Other.mar to be registered since the stack has run; POST /models?url=Other.mar does."
    assert (unknown.status_code, unknown.json()["error"]) == (404, told)


def test_a_change_is_made_once_however_often_it_is_asked_for(remote: Remote) -> None:
    path, scaled = f"/changes/{secrets.token_hex(16)}", {"command": "scale", "model": OTHER, "workers": "1"}
    before = len(remote.log())
    for _ in range(2):
        asked = remote("PUT", path, **scaled)
        assert (asked.status_code, asked.headers["Location"][-len(path) :]) == (202, path)
    ended = remote.poll(lambda: remote("GET", path), lambda reply: reply.status_code == 200).json()
    change = {"model": OTHER, "version": "1.0", "workers": 1, "before": None, "changed": True}
    assert ended.items() >= {"state": "done", "status": 200, "key": "ops", "exit_code": 0, "answer": change}.items()
    assert remote("PUT", path, **scaled).json() == ended
    made = [line for line in remote.log()[before:] if line["method"] == "scale"]
    assert [line["request"] for line in made] == [f"name={OTHER}&workers=1&seconds=120.0&asked_by=ops"]


def test_a_dry_run_says_what_a_change_would_come_to(remote: Remote, guest: Path) -> None:
    path = f"/changes/{secrets.token_hex(16)}"
    remote("PUT", path, command="register", model="Guest.mar", workers="3", dry_run="true")
    refused = remote.poll(lambda: remote("GET", path), lambda reply: reply.status_code == 200).json()
    assert (refused["state"], refused["status"], refused["exit_code"]) == ("failed", 409, 1)
    assert refused["result"].startswith("3 worker(s) of Guest: all models together may have 4")
    planned = remote.stack.command("lifecycle", "register", "Guest.mar", "--dry-run", "--json")
    digest = guest.with_name("Guest.mar.sha256").read_text().split()[0]
    change = {"model": "Guest", "version": "1.0", "workers": 1, "before": None, "changed": True}
    assert json.loads(planned.stdout) == {**change, "sha256": digest}
    assert remote("GET", "/models/Guest").status_code == 404


def test_a_version_for_one_without_workers_needs_room_for_one(remote: Remote) -> None:
    def make(*arguments: str, code: int = 0) -> str:
        made = remote.stack.command("lifecycle", *arguments)
        assert made.returncode == code, made.stderr
        return made.stderr

    make("upgrade", SERVED, f"{ARCHIVE}-1.1.mar")
    make("scale", SERVED, "0")
    make("scale", OTHER, "4")
    try:
        for change in (["upgrade", SERVED, f"{ARCHIVE}.mar"], ["rollback", SERVED]):
            for options in (["--dry-run"], []):
                assert f"1 worker(s) of {ARCHIVE}: all models together may have 4" in make(*change, *options, code=1)
    finally:
        make("scale", OTHER, "1")
        make("rollback", SERVED)
        make("unregister", SERVED, "--version", "1.1")


def test_the_digest_of_what_runs_is_told(remote: Remote) -> None:
    listed = remote.stack.command("lifecycle", "list", "--json")
    digests = {row["model"]: row["sha256"] for row in json.loads(listed.stdout)}
    assert remote("GET", f"/models/{OTHER}/all").json()[0]["sha256"] == digests[OTHER]
    assert {model["sha256"] for model in remote("GET", "/models").json()["models"]} == set(digests.values())


@pytest.mark.usefixtures("guest")
def test_a_full_disk_is_told(remote: Remote) -> None:
    full = remote.stack.settings.registrations_dir / "Guest.mar.json.new"
    full.symlink_to("/dev/full")
    try:
        refused = remote("POST", "/models", url="Guest.mar")
    finally:
        full.unlink()
    problem = "cannot be written down (No space left on device); free some space on the server's disk."
    assert (refused.status_code, error(refused)) == (500, f"The registration of Guest.mar {problem}")


def test_a_supervisor_that_ends_leaves_no_registration_open(remote: Remote, guest: Path) -> None:
    """Last, since it ends the supervisor; a start brings it back."""
    with ThreadPoolExecutor(1) as threads:
        with stopped(supervisor(remote)):
            waiting = threads.submit(remote, "POST", "/models", url=GUEST, synchronous="true")
            remote.poll(lambda: remote("GET", f"/registrations/{GUEST}").status_code, lambda status: status == 200)
            read_records(remote.stack.settings.run_dir / "stack.json")["supervisor"].stop(signal.SIGKILL, 10)
        answer = waiting.result()
    assert (answer.status_code, "register it again" in answer.text) == (503, True)
    assert remote.stack.command("stack", "start").returncode == 0
    found = remote.poll(lambda: remote("GET", f"/registrations/{GUEST}").json(), lambda wish: wish["state"] == "failed")
    assert (found["status"], found["result"]) == (503, "Interrupted; register it again.")
    assert predict(remote.stack.url, SERVED).status == 200


def test_of_two_that_ask_for_the_same_room_one_gets_it(remote: Remote) -> None:
    for _ in range(3):
        asked = [
            partial(remote, "PUT", f"/models/{name}", min_worker=3, max_worker=3)
            for name in (SERVED, OTHER)
            for _ in "ab"
        ]
        assert sorted(response.status_code for response in at_once(asked)) == [202, 202, 400, 400]
        for name in (SERVED, OTHER):
            assert remote("PUT", f"/models/{name}", min_worker=1, max_worker=1).status_code == 202
            remote.poll(partial(workers, remote, name), lambda count: count == 1)


@pytest.mark.parametrize(
    ("path", "parameters", "status", "sentence"),
    [
        ("/models/none", {"min_worker": "1"}, 404, "Model not found: none"),
        (
            f"/models/{ARCHIVE}",
            {"min_worker": "2", "max_worker": "1"},
            400,
            "max_worker cannot be less than min_worker.",
        ),
    ],
)
def test_what_torchserve_refuses_is_told_in_the_format_of_this_api(
    remote: Remote, path: str, parameters: dict[str, str], status: int, sentence: str
) -> None:
    refused = remote("PUT", path, **parameters)
    assert (refused.status_code, error(refused)) == (status, sentence)


def test_no_more_changes_wait_than_there_is_room_for(remote: Remote) -> None:
    folder = remote.stack.settings.registrations_dir
    files = [folder / f"{number:032x}.json" for number in range(300)]
    for file in files:
        file.write_text("{}")
    refused = remote("PUT", f"/changes/{secrets.token_hex(16)}", command="rollback", model=SERVED)
    for file in files:
        file.unlink()
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert error(refused) == "300 changes wait or are kept; ask again when some of them are over."


def test_bodies_are_not_waited_for_and_large_ones_refused(remote: Remote) -> None:
    start = (f"PUT /models/{ARCHIVE}?min_worker=x HTTP/1.1", f"Authorization: Bearer {remote.key}")
    with connection(remote.url) as sock:
        sock.sendall(head(*start, "Content-Length: 1000") + b"{")
        sock.settimeout(5)
        assert str(json_body(read_reply(sock))["error"]).startswith("The parameter 'min_worker' must be given once")
    refused = exchange(remote.url, head(*start, "Content-Length: 1025"))
    assert (refused.status_code, json_body(refused)["error"]) == (413, TOO_LARGE)


def test_an_address_that_is_too_long_is_told(remote: Remote) -> None:
    refused = exchange(remote.url, head(f"GET /models/{'x' * 9000} HTTP/1.1"))
    assert (refused.status_code, json_body(refused)["error"]) == (414, TOO_LONG)
