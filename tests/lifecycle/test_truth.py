"""What list, the API and the metrics say is what runs, whatever was built, edited or copied meanwhile."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import torch

from scripts.torchserve.management import Management
from tests.lifecycle.listing import rows_of
from tests.lifecycle.restarts import restart
from tests.support.asking import predict
from tests.support.commands import run_command
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.polling import poll
from tests.support.sites import LFS_POINTER, Site
from tests.support.stacks import DEGRADED, RunningStack, ServeSite


def bare(checkpoint: Path) -> dict[str, Any]:
    """The weights alone, as a real checkpoint has them."""
    weights: dict[str, Any] = torch.load(checkpoint, weights_only=True)["state_dict"]
    return weights


@pytest.fixture(scope="module")
def site(new_site: Callable[[str], Site]) -> Site:
    """A site with a real checkpoint of SERVED, in version 1.0."""
    made = new_site("truth")
    torch.save(bare(made.checkpoint(SERVED)), made.checkpoint(SERVED))
    made.build("--model", SERVED)
    return made


@pytest.fixture(scope="module")
def stack(site: Site, serve_site: ServeSite) -> Iterator[RunningStack]:
    with serve_site(site) as running:
        yield running


def said(stack: RunningStack) -> dict[str, Any]:
    """What the API says of SERVED, after checking that the list, the metrics and a prediction say the same."""
    entry: dict[str, Any] = requests.get(f"{stack.url}/api/v1/models", timeout=10).json()["models"][SERVED]
    row = next(row for row in rows_of(stack) if row["default"])
    assert (row["version"], row["sha256"], row["precision"]) == (entry["version"], entry["digest"], entry["precision"])
    line = f'emotion_model_info{{model="{SERVED}",version="{entry["version"]}",digest="{entry["digest"]}",'
    assert f'{line}precision="f32"}} 1\n' in requests.get(f"{stack.url}/metrics", timeout=10).text
    answer = predict(stack.url, SERVED)
    assert (answer.status, answer.body["version"]) == (200, entry["version"])
    assert sorted(answer.body["predictions"]) == sorted(entry["emotions"])
    return entry


def serves(stack: RunningStack, version: str) -> dict[str, Any]:
    """Wait until the proxy has seen that ``version`` serves; what is said of it."""
    models = f"{stack.url}/api/v1/models"
    poll(lambda: requests.get(models, timeout=10).json()["models"][SERVED].get("version"), lambda now: now == version)
    return said(stack)


def status(stack: RunningStack, model: str = SERVED) -> str:
    """What ``make status`` says of a model."""
    shown = stack.command("stack", "status").stdout
    return next(line for line in shown.splitlines() if line.startswith(f"{model} ")).removeprefix(model).strip()


def change(stack: RunningStack, *arguments: str) -> str:
    changed = stack.command("lifecycle", *arguments)
    assert changed.returncode == 0, changed.stderr
    return changed.stdout


def test_a_build_changes_nothing_of_what_runs(stack: RunningStack, site: Site, retrained: Path) -> None:
    before, content = said(stack), site.archive(SERVED).read_bytes()
    torch.save(bare(retrained), site.checkpoint(SERVED))
    built = run_command({**stack.environment, "COLUMNS": "220"}, "archives")
    assert "checkpoint changed; version 1.1, since 1.0 has served and stays" in built.stdout, built.stderr
    assert said(stack) == before
    assert (site.store / f"{ARCHIVE}-1.0.mar").read_bytes() == content
    shown = stack.command("lifecycle", "list").stdout
    assert f"{ARCHIVE}-1.0.mar {before['digest'][:12]}" in " ".join(shown.split())


def test_a_build_that_fails_takes_no_model_away(stack: RunningStack, site: Site) -> None:
    before, kept = said(stack), site.checkpoint(SERVED).read_bytes()
    catalogue = site.catalogue_file.read_text()
    entries = json.loads(catalogue)
    entries[SERVED]["emotions"] = [*entries[SERVED]["emotions"], "calm"]
    entries[SERVED]["accuracy"] = 12.5
    site.catalogue_file.write_text(json.dumps(entries))
    site.checkpoint(SERVED).write_text(LFS_POINTER)
    try:
        assert stack.command("archives").returncode == 1
        models = f"{stack.url}/api/v1/models/{SERVED}/ready"
        assert requests.get(models, timeout=10).status_code == 200
        assert said(stack) == before
        printed = restart(stack)
        assert f"{SERVED}: version 1.1 is built, 1.0 serves as before" in printed
        assert said(stack) == before
    finally:
        site.catalogue_file.write_text(catalogue)
        site.checkpoint(SERVED).write_bytes(kept)
        site.build()


def test_the_status_is_that_of_what_runs(stack: RunningStack, site: Site) -> None:
    index = site.store / "index.json"
    kept = index.read_text()
    entries = json.loads(kept)
    entries[OTHER]["stand_in"] = False  # the build has made a real one since
    entries[SERVED] = {"archive": None, "stand_in": False, "error": "its checkpoint is broken"}
    index.write_text(json.dumps(entries))
    try:
        assert status(stack, OTHER) == "ready (stand-in)"
        assert status(stack) == "ready its checkpoint is broken"
    finally:
        index.write_text(kept)


def hides_no_default_version(stack: RunningStack) -> None:
    """Check the status while version 1.1 is READY, and 1.0, which serves, has no worker; leave it as it was."""
    management = Management(stack.settings)
    management.scale(ARCHIVE, "1.1", 1)
    management.scale(ARCHIVE, "1.0", 0)
    poll(lambda: [row["state"] for row in rows_of(stack)], lambda states: states == ["idle", "ready"])
    assert status(stack) == "loads on its first request", "whatever else is READY"
    management.scale(ARCHIVE, "1.0", 1)
    poll(lambda: status(stack), lambda state: state == "ready")
    management.scale(ARCHIVE, "1.1", 0)


def test_a_choice_outlives_unregistering_and_its_archive(stack: RunningStack, site: Site) -> None:
    first = said(stack)
    assert first["version"] == "1.0"
    change(stack, "upgrade", SERVED)
    second = serves(stack, "1.1")
    assert second["digest"] != first["digest"]
    change(stack, "rollback", SERVED)
    assert serves(stack, "1.0") == first
    hides_no_default_version(stack)
    change(stack, "unregister", SERVED)
    assert change(stack, "register", SERVED) == f"{SERVED} 1.0 is registered with 1 worker(s).\n"
    assert serves(stack, "1.0") == first

    kept = site.store / f"{ARCHIVE}-1.0.mar"
    away = Path(shutil.move(kept, site.folder / kept.name))
    printed = restart(stack, DEGRADED)
    assert f"not restored: {ARCHIVE} 1.0: no file in" in printed
    assert f"{SERVED}: version 1.1 serves until 1.0 is back; `scripts/models register {ARCHIVE}.mar`" in printed
    assert said(stack)["digest"] == second["digest"]
    shutil.move(away, kept)
    assert "serves until" not in restart(stack)
    assert said(stack) == first


def test_other_content_under_a_version_that_served_is_not_taken_for_it(stack: RunningStack, site: Site) -> None:
    before = said(stack)
    change(stack, "unregister", SERVED)
    version = before["version"]
    shutil.move(site.store / f"{ARCHIVE}-{version}.mar", site.archive(SERVED))
    site.change_file(SERVED, "model.json", lambda text: text + b"\n")
    refused = stack.command("lifecycle", "register", SERVED)
    assert refused.returncode == 1
    assert f"{ARCHIVE}.mar has other content than version {version} had when it served" in refused.stderr
    by_file = stack.command("lifecycle", "register", f"{ARCHIVE}.mar")
    assert by_file.returncode == 1
    assert f"{ARCHIVE}.mar: version {version} of {ARCHIVE} has served with other content (SHA-256 " in by_file.stderr
