"""Upgrades and rollbacks while clients ask."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from scripts.store.unpacking import unpack
from scripts.torchserve.management import Management
from tests.lifecycle.bad_archives import (
    NEXT,
    WRONG,
    broken_handler,
    no_checksum,
    same_version,
    truncated,
    wrong_checksum,
    wrong_labels,
)
from tests.lifecycle.listing import rows_of
from tests.support.asking import Answer, asking, predict, wait_for_answers
from tests.support.client import Client
from tests.support.disk import files_up_to
from tests.support.images import frame
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.proxies import proxy_of
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack

REFUSED, NOT_LOADED, UNKNOWN = 1, 3, 6
CHANGED = {"model": SERVED, "workers": 1, "changed": True}


def served_version(stack: RunningStack) -> str:
    answer = predict(stack.url, SERVED)
    assert answer.status == 200, answer
    return str(answer.body["version"])


def longest_pause(answers: list[list[Answer]]) -> float:
    """The longest time, in seconds, in which no client got an answer."""
    times = sorted(answer.at for own in answers for answer in own)
    return max(after - before for before, after in itertools.pairwise(times))


def assert_whole(answers: list[list[Answer]], by_version: dict[str, dict[str, float]]) -> None:
    """Every answer is a 200, wholly of one version, and no client goes back to the version before."""
    for own in answers:
        for answer in own:
            assert answer.status == 200, answer
            expected = by_version[answer.body["version"]]
            assert answer.body["predictions"] == pytest.approx(expected, abs=1e-4), answer.body["version"]
        versions = [answer.body["version"] for answer in own]
        changes = sum(before != after for before, after in itertools.pairwise(versions))
        assert changes <= 1, versions


def test_upgrade_and_rollback_fail_no_request_and_mix_no_versions(stack: RunningStack) -> None:
    before = predict(stack.url, SERVED).body
    with asking(stack.url, SERVED) as answers:
        wait_for_answers(answers, 5)
        usual = max(answer.seconds for own in answers for answer in own)
        upgraded = stack.command("lifecycle", "upgrade", SERVED, NEXT, "--json")
        wait_for_answers(answers, 3)
    assert upgraded.returncode == 0, upgraded.stderr
    assert json.loads(upgraded.stdout) == {**CHANGED, "version": "1.1", "before": "1.0"}
    after = predict(stack.url, SERVED).body
    assert (before["version"], after["version"]) == ("1.0", "1.1")
    assert before["predictions"] != pytest.approx(after["predictions"], abs=1e-4)
    by_version = {"1.0": before["predictions"], "1.1": after["predictions"]}
    assert_whole(answers, by_version)
    assert {own[-1].body["version"] for own in answers} == {"1.1"}
    assert longest_pause(answers) < max(usual, 1.0) * 3

    with asking(stack.url, SERVED) as answers:
        wait_for_answers(answers, 3)
        back = stack.command("lifecycle", "rollback", SERVED)
        wait_for_answers(answers, 3)
    assert back.returncode == 0, back.stderr
    assert back.stdout == f"{SERVED} 1.0 serves again, instead of 1.1.\n"
    assert_whole(answers, by_version)
    assert {own[-1].body["version"] for own in answers} == {"1.0"}


def test_a_second_rollback_returns_to_the_upgrade(stack: RunningStack) -> None:
    if served_version(stack) != "1.0" or len(rows_of(stack)) != 2:
        pytest.skip("needs the stack that was upgraded and rolled back")
    assert stack.command("lifecycle", "rollback", SERVED).returncode == 0
    assert served_version(stack) == "1.1"
    assert stack.command("lifecycle", "rollback", SERVED).returncode == 0
    assert served_version(stack) == "1.0"
    assert [(row["version"], row["default"], row["state"], row["workers"]) for row in rows_of(stack)] == [
        ("1.0", True, "ready", 1),
        ("1.1", False, "idle", 0),
    ]


def test_a_cache_answers_with_no_version_that_serves_no_more(stack: RunningStack, tmp_path: Path) -> None:
    """Whoever changes it, and although the proxy hears of it a second later."""
    if len(rows_of(stack)) != 2:
        pytest.skip("needs the stack that was upgraded and rolled back")
    management, content = Management(stack.settings), frame(120)
    management.scale(ARCHIVE, "1.1", 1)
    poll(lambda: [row["state"] for row in rows_of(stack)], lambda states: states == ["ready", "ready"])
    with proxy_of(stack, tmp_path / "cache", CACHE="600") as proxy:
        client = Client(proxy.url)
        try:
            for version in ("1.0", "1.1") * 2:
                management.set_default(ARCHIVE, version)
                answers = [client.predict(content, SERVED) for _ in range(3)]
                assert [answer.json()["version"] for answer in answers] == [version] * 3
                hit = poll(
                    lambda: client.predict(content, SERVED), lambda answer: "hit" in answer.headers["Cache-Status"]
                )
                assert hit.json() == answers[0].json()
        finally:
            management.set_default(ARCHIVE, "1.0")
            management.scale(ARCHIVE, "1.1", 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (broken_handler, f"{ARCHIVE} 1.2 does not load: ValueError: no such layer"),
        (wrong_labels, f"version 1.2 of {ARCHIVE} answers its probe wrongly: no probability for every label"),
    ],
)
def test_a_version_that_fails_changes_nothing(stack: RunningStack, site: Site, make: Any, message: str) -> None:
    file_name = make(site)
    before, serving = rows_of(stack), served_version(stack)
    with asking(stack.url, SERVED, 2) as answers:
        wait_for_answers(answers, 1)
        refused = stack.command("lifecycle", "upgrade", SERVED, file_name)
        wait_for_answers(answers, 1)
    assert refused.returncode == NOT_LOADED
    assert message in refused.stderr
    assert rows_of(stack) == before
    assert {(answer.status, answer.body.get("version")) for own in answers for answer in own} == {(200, serving)}


def test_a_version_that_finds_no_room_changes_nothing(stack: RunningStack, site: Site) -> None:
    before = rows_of(stack)
    archive = repack(site.store / NEXT, site.store / f"{ARCHIVE}-large.mar", "1.3")
    with files_up_to(1 << 20):
        failed = stack.command("lifecycle", "upgrade", SERVED, archive.name)
    assert failed.returncode == REFUSED
    assert f"{archive.name}: cannot be unpacked into" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert rows_of(stack) == before
    assert served_version(stack) == before[0]["version"]
    assert not list((stack.settings.run_dir / "unpacked").glob("*/*.new"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (same_version, f"{ARCHIVE}-same.mar is version 1.0, which serves already; build the new one with"),
        (lambda site: "MobileNetV2_FER2013.mar", f"MobileNetV2_FER2013.mar holds {OTHER}; give an archive of {SERVED}"),
        (lambda site: "nothing.mar", "nothing.mar: there is no such archive in "),
        (lambda site: f"../model_store/{NEXT}", "give the plain file name of a .mar archive"),
        (no_checksum, f"{ARCHIVE}-unsigned.mar has no checksum file"),
        (wrong_checksum, f"{ARCHIVE}-changed.mar is damaged: its SHA-256 is not the one in"),
        (truncated, f"{ARCHIVE}-truncated.mar: TorchServe cannot read it"),
    ],
)
def test_an_archive_that_cannot_be_the_next_is_refused(
    stack: RunningStack, site: Site, make: Any, message: str
) -> None:
    if served_version(stack) != "1.0":
        pytest.skip("needs version 1.0 in service")
    before = rows_of(stack)
    refused = stack.command("lifecycle", "upgrade", SERVED, make(site))
    assert refused.returncode == REFUSED
    assert message in refused.stderr
    assert rows_of(stack) == before


def test_the_archive_that_serves_is_no_upgrade_and_no_error(stack: RunningStack) -> None:
    if served_version(stack) != "1.0":
        pytest.skip("needs version 1.0 in service")
    before = rows_of(stack)
    again = stack.command("lifecycle", "upgrade", SERVED, f"{ARCHIVE}.mar", "--json")
    assert (again.returncode, json.loads(again.stdout)) == (
        0,
        {**CHANGED, "version": "1.0", "before": None, "changed": False},
    )
    assert rows_of(stack) == before


def test_a_model_that_never_changed_has_nothing_to_go_back_to(stack: RunningStack) -> None:
    refused = stack.command("lifecycle", "rollback", OTHER)
    assert refused.returncode == REFUSED
    assert refused.stderr == f"{OTHER} has no version to go back to: 1.0 is the first that served here\n"


@pytest.mark.parametrize("unpacked", [True, False], ids=["as a folder", "as a file"])
def test_a_rollback_to_wrong_labels_is_refused_and_changes_nothing(
    stack: RunningStack, site: Site, unpacked: bool
) -> None:
    """Nobody checked the other version of OTHER when it was registered; its answers have status 200."""
    management, name = Management(stack.settings), "MobileNetV2_FER2013"
    archive = repack(site.archive(OTHER), site.store / f"{name}-wrong.mar", "1.2", WRONG)
    management.register(str(unpack(stack.settings, archive)) if unpacked else archive.name, name)
    try:
        refused = stack.command("lifecycle", "rollback", OTHER)
        assert refused.returncode == NOT_LOADED
        assert f"version 1.2 of {name} answers its probe wrongly: no probability for every label" in refused.stderr
        states = [(state.version, state.min_workers) for state in management.describe(name)]
        assert states == [("1.0", 1), ("1.2", 0)]
        assert predict(stack.url, OTHER).body["version"] == "1.0"
    finally:
        management.unregister(name, "1.2")


def test_the_archive_of_an_upgrade_stays_for_the_next_start(site: Site, next_archive: Path) -> None:
    assert (site.store / f"{ARCHIVE}.mar").exists()
    assert (site.store / NEXT).read_bytes() == next_archive.read_bytes()
