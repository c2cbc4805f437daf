"""Whom a canary answers: by key, by address, and as a member of an ensemble; a client's version stays the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from scripts.access.key_file import KeyFile
from tests.lifecycle.canaries import OTHERWISE, SAME, USERS, ask, expected, is_canarys, run, trial_once
from tests.support.models import OTHER, SERVED
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack, ServeSite

ENSEMBLE = "Both"
ENTRY = {
    "ensemble": [SERVED, OTHER],
    "emotions": ["anger", "disgust", "fear", "joy", "sadness", "surprise"],
    "labels_of": {OTHER: {"neutral": "sadness"}, SERVED: {"contempt": "disgust"}},
}
APPS = [f"app-{number}" for number in range(8)]


@pytest.fixture(scope="module")
def site(site: Site, built: Site) -> Site:
    """A store with a version that answers like the one that serves, and an ensemble."""
    repack(built.archive(SERVED), site.store / SAME, "1.2")
    site.catalogue_file.write_text(json.dumps({**json.loads(site.catalogue_file.read_text()), ENSEMBLE: ENTRY}))
    return site


@pytest.fixture(scope="module")
def keys(site: Site) -> dict[str, str]:
    """The apps' keys."""
    file = KeyFile(site.folder / "api_keys.json")
    return {name: file.add(name) for name in APPS}


@pytest.fixture(scope="module")
def stack(site: Site, keys: dict[str, str], serve_site: ServeSite) -> Iterator[RunningStack]:
    """A stack that asks everybody for a key."""
    with serve_site(site, ALLOW_ANONYMOUS="0", API_KEYS_FILE=str(site.folder / "api_keys.json")) as running:
        yield running


@pytest.fixture
def key(keys: dict[str, str]) -> dict[str, str]:
    """A header with one of them."""
    return {"X-API-Key": keys[APPS[0]]}


def test_a_canary_goes_by_the_key(stack: RunningStack, keys: dict[str, str]) -> None:
    """From whatever address it comes."""
    run(stack, "canary", SERVED, SAME, "--percent", "50")
    wanted = {name: "1.2" if is_canarys(name, "1.2", 50, "key") else "1.0" for name in keys}
    assert len(Counter(wanted.values())) == 2
    for source in ("127.0.0.1", "127.0.0.9"):
        asked = {name: ask(stack, "", source=source, **{"X-API-Key": key}) for name, key in keys.items()}
        assert {name: answer["version"] for name, answer in asked.items()} == wanted
    run(stack, "abort", SERVED)


def test_a_canary_goes_by_the_address(stack: RunningStack, key: dict[str, str]) -> None:
    """Whatever a client says of itself, it is the address that counts; and it stays so."""
    run(stack, "canary", SERVED, SAME, "--percent", "50", "--by", "address")
    addresses = [f"127.0.0.{number}" for number in range(1, 17)]
    wanted = {one: "1.2" if is_canarys(one, "1.2", 50, "address") else "1.0" for one in addresses}
    assert len(Counter(wanted.values())) == 2
    for user in ("first", "second"):
        assert {one: ask(stack, user, source=one, **key)["version"] for one in addresses} == wanted
    run(stack, "abort", SERVED)


def test_a_canary_of_a_member_answers_the_ensembles_clients(stack: RunningStack, key: dict[str, str]) -> None:
    """The ensemble's answer has what the canary said for those clients that the canary answers alone, too."""
    run(stack, "canary", SERVED, OTHERWISE, "--percent", "50", "--by", "header:X-User", "--max-disagreement", "100")
    wanted = expected("1.1", 50)
    assert len(Counter(wanted.values())) == 2
    answers = {user: ask(stack, user, ENSEMBLE, **key) for user in USERS}
    assert {user: answer["members"] for user, answer in answers.items()} == {
        user: {SERVED: version, OTHER: "1.0"} for user, version in wanted.items()
    }
    said = {
        version: {tuple(answers[user]["predictions"].items()) for user in USERS if wanted[user] == version}
        for version in ("1.0", "1.1")
    }
    assert [len(found) for found in said.values()] == [1, 1]
    assert said["1.0"] != said["1.1"]
    own = Counter(wanted.values())["1.1"]
    found = trial_once(stack, lambda found: found["compared"] >= own)
    assert (found["asked"], found["compared"], found["end"]) == (own, own, None)
    run(stack, "abort", SERVED)
