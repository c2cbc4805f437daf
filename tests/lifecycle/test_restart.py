"""What was registered and scaled by hand is there again after a restart."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable
from typing import Any

import requests

from scripts.processes import read_records
from scripts.torchserve.snapshot import written_files
from tests.support.asking import predict
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.sites import Site, repack
from tests.support.stacks import DEGRADED, READY, RunningStack, ServeSite

GUEST = "Guest"


def listed(stack: RunningStack) -> list[tuple[Any, ...]]:
    """Model, version, whether it is the default, and workers, of all that is registered."""
    rows = json.loads(stack.command("lifecycle", "list", "--json").stdout)
    return sorted((row["model"], row["version"], row["default"], row["workers"]) for row in rows if row["version"])


def restart(stack: RunningStack, expected: int = READY) -> str:
    """Stop and start the stack; returns what the start printed."""
    stack.command("stack", "stop")
    started = stack.command("stack", "start")
    assert started.returncode == expected, started.stdout + started.stderr
    return started.stdout


def kill(stack: RunningStack) -> None:
    """End everything as a power failure does."""
    for record in read_records(stack.settings.run_dir / "stack.json").values():
        os.killpg(os.getpgid(record.pid), signal.SIGKILL)
        poll(lambda record=record: not record.alive, seconds=10)  # type: ignore[misc]


def change_everything(stack: RunningStack, site: Site) -> list[tuple[Any, ...]]:
    """Upgrade, scale, unregister, and register an archive that is not in the catalogue."""
    site.build("--archive-version", "1.1", "--model", SERVED)
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


def guest(site: Site) -> str:
    """An archive of a model that is not in the catalogue."""
    archive = repack(site.store / "MobileNetV2_FER2013.mar", site.store / f"{GUEST}.mar", "7", name=GUEST)
    return archive.name


def test_versions_workers_and_guests_survive_stop_and_kill(
    new_site: Callable[[str], Site], serve_site: ServeSite
) -> None:
    site = new_site("survive")
    with serve_site(site) as stack:
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


def test_an_archive_that_is_gone_or_damaged_is_told_and_keeps_no_other_from_loading(
    new_site: Callable[[str], Site], serve_site: ServeSite
) -> None:
    site = new_site("gone")
    with serve_site(site) as stack:
        for name in ("Aaa", "Zzz"):
            repack(site.store / "MobileNetV2_FER2013.mar", site.store / f"{name}.mar", "1.0", name=name)
            assert stack.command("lifecycle", "register", f"{name}.mar").returncode == 0
        shutil.move(site.store / "Zzz.mar", site.folder / "Zzz.mar")
        (site.store / "Aaa.mar").write_bytes((site.store / "Aaa.mar").read_bytes()[:5000])
        printed = restart(stack, DEGRADED)
        assert "not restored: Zzz 1.0: no file in" in printed
        assert "not restored: Aaa 1.0: Aaa.mar: TorchServe cannot read it" in printed
        assert listed(stack) == [(SERVED, "1.0", True, 1), (OTHER, "1.0", True, 1)]

        shutil.move(site.folder / "Zzz.mar", site.store / "Zzz.mar")
        assert "Zzz" not in restart(stack, DEGRADED)
        assert ("Zzz", "1.0", True, 1) in listed(stack)


def test_load_models_decides_for_the_catalogue_and_leaves_the_rest(
    new_site: Callable[[str], Site], serve_site: ServeSite
) -> None:
    site = new_site("load")
    with serve_site(site) as stack:
        assert stack.command("lifecycle", "scale", SERVED, "2").returncode == 0
        assert stack.command("lifecycle", "unregister", OTHER).returncode == 0
        assert stack.command("lifecycle", "register", guest(site)).returncode == 0
        stack.environment["LOAD_MODELS"] = OTHER
        restart(stack)
        assert listed(stack) == [(GUEST, "7", True, 1), (SERVED, "1.0", True, 0), (OTHER, "1.0", True, 1)]
        del stack.environment["LOAD_MODELS"]
        assert predict(stack.url, SERVED).status == 200
        restart(stack)
        assert listed(stack) == [(GUEST, "7", True, 1), (SERVED, "1.0", True, 1), (OTHER, "1.0", True, 1)]


def test_a_version_that_was_built_but_not_chosen_waits_for_the_upgrade(
    new_site: Callable[[str], Site], serve_site: ServeSite
) -> None:
    site = new_site("waits")
    with serve_site(site) as stack:
        site.build("--archive-version", "1.1", "--model", SERVED)
        printed = restart(stack)
        assert f"{SERVED}: version 1.1 is built, 1.0 serves as before" in printed
        assert predict(stack.url, SERVED).body["version"] == "1.0"
        assert stack.command("lifecycle", "upgrade", SERVED, f"{ARCHIVE}.mar").returncode == 0
        models = requests.get(f"{stack.url}/api/v1/models", timeout=10).json()
        assert models["loaded_models"] == [OTHER, SERVED]
