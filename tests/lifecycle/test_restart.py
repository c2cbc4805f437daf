"""What was registered and scaled by hand is there again after a restart."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from scripts.torchserve.snapshot import written_files
from tests.lifecycle.restarts import GUEST, guest, kill, listed, restart
from tests.support.asking import predict
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.sites import Site
from tests.support.stacks import RunningStack, ServeSite


@pytest.fixture(scope="module")
def site(new_site: Callable[[str], Site]) -> Site:
    return new_site("restart")


@pytest.fixture(scope="module")
def stack(site: Site, serve_site: ServeSite, rebuilt: Site) -> Iterator[RunningStack]:
    """A stack that was started with versions 1.0, beside which a build has left version 1.1 of SERVED since."""
    with serve_site(site) as stack:
        shutil.copy2(rebuilt.checkpoint(SERVED), site.results)
        for file in rebuilt.store.glob("[!.]*"):
            shutil.copy2(file, site.store)
        yield stack


def change_everything(stack: RunningStack, site: Site) -> list[tuple[Any, ...]]:
    """Upgrade, scale, unregister, and register an archive that is not in the catalogue."""
    changes = (
        ("upgrade", SERVED, f"{ARCHIVE}.mar"),
        ("scale", SERVED, "2"),
        ("unregister", OTHER),
        ("register", guest(site)),
    )
    for arguments in changes:
        changed = stack.command("lifecycle", *arguments)
        assert changed.returncode == 0, changed.stderr
    return [(GUEST, "7", True, 1), (SERVED, "1.0", False, 0), (SERVED, "1.1", True, 2)]


def test_a_version_that_was_built_but_not_chosen_waits_for_the_upgrade(stack: RunningStack) -> None:
    printed = restart(stack)
    assert f"{SERVED}: version 1.1 is built, 1.0 serves as before" in printed
    assert predict(stack.url, SERVED).body["version"] == "1.0"
    assert stack.command("lifecycle", "upgrade", SERVED, f"{ARCHIVE}.mar").returncode == 0
    models = requests.get(f"{stack.url}/api/v1/models", timeout=10).json()
    assert models["loaded_models"] == [OTHER, SERVED]


def test_versions_workers_and_guests_survive_stop_and_kill(stack: RunningStack, site: Site) -> None:
    expected = change_everything(stack, site)
    assert listed(stack) == expected
    printed = restart(stack)
    assert listed(stack) == expected
    assert "not registered" in printed
    assert predict(stack.url, SERVED).body["version"] == "1.1"

    rolled_back = [(GUEST, "7", True, 1), (SERVED, "1.0", True, 2), (SERVED, "1.1", False, 0)]
    assert stack.command("lifecycle", "rollback", SERVED).returncode == 0
    kill(stack)
    assert f"{SERVED}: version 1.1 is built" not in restart(stack)
    assert listed(stack) == rolled_back
    assert predict(stack.url, SERVED).body["version"] == "1.0"

    assert stack.command("lifecycle", "scale", SERVED, "1").returncode == 0
    kill(stack)
    for damaged in written_files(stack.settings):
        damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    restart(stack)
    assert listed(stack) == rolled_back

    assert stack.command("lifecycle", "register", OTHER).returncode == 0
    restart(stack)
    assert listed(stack) == sorted([*rolled_back, (OTHER, "1.0", True, 1)])
