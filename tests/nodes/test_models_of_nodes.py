"""``scripts/models nodes``: a change is made on both of two nodes or on none, and no client of a balancer notices."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from scripts.files import exclusive
from scripts.nodes.restoring import NotRestoredError, restore
from scripts.processes import read_records
from scripts.running import record_file
from tests.nodes.balancers import address, kill, places, running_balancer, start
from tests.nodes.load import Load
from tests.nodes.pairs import GUEST, Meddled, Pair, broken_on, next_version, outcomes, registering_on_one, running_pair
from tests.support.models import ARCHIVE, SERVED
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.sites import repack
from tests.support.stacks import RunningStack, StartStack

REFUSED, NOT_LOADED, NOT_RUNNING, UNKNOWN, MIXED, INTERRUPTED = 1, 3, 4, 6, 7, 130


@pytest.fixture(scope="module")
def pair(
    start_stack: StartStack, tmp_path_factory: pytest.TempPathFactory, results: Path, archives: Path
) -> Iterator[Pair]:
    with running_pair(start_stack, tmp_path_factory.mktemp("pair"), results, archives) as pair:
        yield pair


@pytest.fixture(scope="module")
def balancer(pair: Pair, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    names = [address(node) for node in pair.stacks]
    with running_balancer(tmp_path_factory.mktemp("balancer") / "run", names) as running:
        poll(lambda: places(running, SERVED), lambda found: found == 2)
        yield running


@pytest.fixture
def guest(pair: Pair) -> Iterator[Path]:
    """An archive that no node has registered before and after; it lies in the store of the first."""
    yield repack(pair.sites[0].archive(SERVED), pair.sites[0].store / GUEST, "1.0", name="Guest")
    assert pair.serving("Guest") == [[], []]
    (pair.sites[1].store / GUEST).unlink(missing_ok=True)


def test_a_model_is_registered_scaled_and_removed_everywhere(pair: Pair, balancer: RunningStack, guest: Path) -> None:
    pair.put(guest, 0, 1)
    with Load(balancer.url, SERVED, clients=4) as load:
        load.go_on()
        assert pair.make("register", GUEST) == ["done", "done"]
        load.go_on()
    assert pair.make("register", GUEST) == ["as it was", "as it was"]
    assert pair.make("scale", "Guest", "2") == ["done", "done"]
    assert pair.serving("Guest") == [[("1.0", True, 2)]] * 2
    assert pair.make("scale", "Guest", "2") == ["as it was", "as it was"]
    with Load(balancer.url, SERVED, clients=4) as load:
        load.go_on()
        assert pair.make("unregister", "Guest") == ["done", "done"]
        load.go_on()
    assert pair.make("unregister", "Guest", code=UNKNOWN) == ["failed", "failed"]


def test_an_archive_that_one_node_lacks_is_registered_on_none(pair: Pair, guest: Path) -> None:
    refused = pair.command("register", GUEST)
    assert refused.returncode == REFUSED
    one, two = refused.stdout.splitlines()[1:]
    assert " ".join(one.split()) == f"{pair.urls[0]} could nothing was changed"
    assert two.startswith(f"{pair.urls[1]}  failed   {GUEST}: there is no such archive in ")
    assert refused.stderr.endswith("Not done: nothing was changed on any node.\n")


def test_archives_with_other_content_are_registered_on_none(pair: Pair, guest: Path) -> None:
    repack(guest, pair.sites[1].store / GUEST, "1.0", {"emotion_handler.py": "# other\n"}, name="Guest")
    refused = pair.command("register", GUEST, "--json")
    assert refused.returncode == REFUSED
    told = [outcome["text"] for outcome in json.loads(refused.stdout)["nodes"]]
    digests = [(site.store / f"{GUEST}.sha256").read_text()[:12] for site in pair.sites]
    remedy = "the nodes differ; copy one archive and its .sha256 into the model store of each"
    assert told == [f"it would be Guest 1.0, SHA-256 {digest}…: {remedy}" for digest in digests]


def test_more_workers_than_one_node_has_room_for_are_started_on_none(pair: Pair) -> None:
    refused = pair.command("scale", SERVED, "4")
    assert refused.returncode == REFUSED
    assert "could    nothing was changed" in refused.stdout
    assert f"failed   4 worker(s) of {ARCHIVE}: all models together may have 3" in refused.stdout
    assert pair.serving() == [[("1.0", True, 1)]] * 2


def test_nodes_that_differ_are_told_and_made_alike(pair: Pair) -> None:
    assert pair.command("scale", SERVED, "2", "--at", pair.urls[1]).returncode == 0
    assert pair.serving() == pair.listed() == [[("1.0", True, 1)], [("1.0", True, 2)]]
    assert pair.make("scale", SERVED, "1") == ["as it was", "done"]


def test_a_wrong_key_changes_nothing_and_is_not_shown(pair: Pair, guest: Path, tmp_path: Path) -> None:
    pair.put(guest, 0, 1)
    (tmp_path / "keys").write_text(f"{pair.urls[0]} {pair.key(0)}\nwrong-key\n")
    refused = pair.command("register", GUEST, MANAGEMENT_NODES_KEY_FILE=str(tmp_path / "keys"))
    assert refused.returncode == REFUSED
    assert "failed   refuses the key; `scripts/models key add NAME` prints one there" in refused.stdout
    assert not [key for key in ("wrong-key", pair.key(0)) if key in refused.stdout + refused.stderr]


def test_a_node_that_is_down_changes_nothing(pair: Pair, guest: Path, tmp_path: Path) -> None:
    absent = f"http://127.0.0.1:{free_ports(1)[0]}"
    (tmp_path / "keys").write_text(pair.key(0))
    both = {"MANAGEMENT_NODES": f"{pair.urls[0]} {absent}", "MANAGEMENT_NODES_KEY_FILE": str(tmp_path / "keys")}
    refused = pair.command("register", GUEST, **both)
    assert refused.returncode == NOT_RUNNING
    assert f"{absent}  failed   does not answer (Connection refused); start it" in refused.stdout


def test_a_worker_that_does_not_load_on_one_node_undoes_it_on_all(pair: Pair, guest: Path) -> None:
    broken_on(pair, 1, GUEST, "1.0", name="Guest")
    assert pair.make("register", GUEST, code=NOT_LOADED) == ["undone", "failed"]


def test_nodes_are_upgraded_and_rolled_back_without_an_error_for_clients(pair: Pair, balancer: RunningStack) -> None:
    file = next_version(pair)
    with Load(balancer.url, SERVED, clients=4) as load:
        load.go_on()
        assert pair.make("upgrade", SERVED, file) == ["done", "done"]
        assert pair.make("upgrade", SERVED, file) == ["as it was", "as it was"]
        assert pair.serving() == [[("1.1", True, 1), ("1.0", False, 0)]] * 2
        load.go_on()
        assert pair.make("rollback", SERVED) == ["done", "done"]
        load.go_on()
    assert pair.serving() == [[("1.0", True, 1), ("1.1", False, 0)]] * 2


def test_what_was_unregistered_can_be_put_back_as_it_was(pair: Pair) -> None:
    """After a rollback: the version that serves is not the last one."""
    node = pair.node(0)
    before = node.versions(ARCHIVE)
    assert len(before) == 2
    assert not restore(node, SERVED, before)
    assert node.change("unregister", SERVED, {})["versions"] == ["1.0", "1.1"]
    assert restore(node, SERVED, before)
    assert node.versions(ARCHIVE) == before
    assert pair.make("unregister", SERVED, "--version", "1.1") == ["done", "done"]


def test_a_version_that_no_rollback_leads_to_is_put_back_by_an_upgrade(pair: Pair) -> None:
    node, file = pair.node(0), next_version(pair)
    before = node.versions(ARCHIVE)
    assert node.change("upgrade", SERVED, {"archive": file})["version"] == "1.1"
    (pair.stacks[0].settings.run_dir / "versions_before.json").write_text(json.dumps({ARCHIVE: "0.9"}))
    assert restore(node, SERVED, before)
    assert node.versions(ARCHIVE) == before


def test_what_is_not_as_it_was_is_told(pair: Pair) -> None:
    node = Meddled(pair.urls[0], pair.key(0), None, Event())
    before = node.versions(ARCHIVE)
    assert node.change("scale", SERVED, {"workers": "2"})["workers"] == 2
    told = r"is not as it was: 1\.0 with 2 worker\(s\), before 1\.0 with 1 worker\(s\)"
    with pytest.raises(NotRestoredError, match=told) as raised:
        restore(node, SERVED, before)
    assert raised.value.remedy == f"scale {SERVED} 1 --version 1.0"
    assert restore(pair.node(0), SERVED, before)
    assert node.versions(ARCHIVE) == before


def test_a_model_with_a_canary_on_one_node_is_unregistered_on_none(pair: Pair) -> None:
    file, canary = next_version(pair), pair.stacks[1]
    assert canary.command("lifecycle", "canary", SERVED, file).returncode == 0
    try:
        refused = pair.command("unregister", SERVED)
        assert (refused.returncode, f"failed   version 1.1 of {SERVED} is a canary now:" in refused.stdout) == (1, True)
    finally:
        assert canary.command("lifecycle", "abort", SERVED).returncode == 0
    assert pair.serving() == [[("1.0", True, 1)]] * 2


@pytest.mark.parametrize(("node", "states"), [(0, ["failed", "could"]), (1, ["undone", "failed"])])
def test_an_upgrade_that_fails_on_a_node_is_undone_and_goes_no_further(
    pair: Pair, balancer: RunningStack, node: int, states: list[str]
) -> None:
    file = broken_on(pair, node, f"{ARCHIVE}-1.2.mar", "1.2").name
    before = pair.serving()
    with Load(balancer.url, SERVED, clients=4) as load:
        load.go_on()
        assert pair.make("upgrade", SERVED, file, code=NOT_LOADED) == states
        load.go_on()
    assert pair.serving() == before


def test_an_interrupted_command_undoes_what_it_did(pair: Pair, guest: Path) -> None:
    pair.put(guest, 0, 1)
    with registering_on_one(pair) as running:
        assert running.stderr
        running.send_signal(signal.SIGINT)
        assert "Interrupted" in running.stderr.readline()
        os.kill(pair.supervisor(1), signal.SIGCONT)
        assert [outcome["state"] for outcome in outcomes(running)] == ["undone", "undone"]
        assert running.returncode == INTERRUPTED


def test_a_node_that_is_back_before_its_change_is_over_is_put_back_too(pair: Pair, guest: Path) -> None:
    pair.put(guest, 0, 1)
    settings = pair.stacks[1].settings
    with registering_on_one(pair, "--wait", "100") as running:
        assert running.stderr
        for member in read_records(record_file(settings.run_dir))["proxy"].members():
            member.kill()
        assert "Undoing it" in running.stderr.readline()
        log = settings.log_dir / "management.log"
        asked = len(log.read_text().splitlines())
        with exclusive(settings.run_dir):
            os.kill(pair.supervisor(1), signal.SIGCONT)  # which brings the proxy back, and cannot register yet
            poll(lambda: len(log.read_text().splitlines()), lambda lines: lines > asked)
        assert [outcome["state"] for outcome in outcomes(running)] == ["undone", "undone"]
        assert running.returncode == NOT_RUNNING


def test_a_node_that_dies_meanwhile_is_named_with_what_mends_it(pair: Pair, guest: Path) -> None:
    """Last, since it kills a node."""
    pair.put(guest, 0, 1)
    with registering_on_one(pair) as running:
        kill(pair.stacks[1])
        one, two = outcomes(running)
        assert (running.returncode, one["state"], two["state"]) == (MIXED, "undone", "not undone")
        assert "does not answer (Connection refused)" in two["text"]
        assert two["remedy"] == f"scripts/models nodes unregister Guest --version 1.0 --at {pair.urls[1]}"
    start(pair.stacks[1])
    assert pair.make("unregister", "Guest", code=UNKNOWN) == ["failed", "failed"]
