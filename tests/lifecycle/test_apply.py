"""``scripts/models export`` and ``apply``: what runs as a file, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from scripts.lifecycle.desired import DesiredError, read_wishes
from tests.lifecycle.canaries import SAME, row_of, run, trial
from tests.lifecycle.restarts import GUEST, guest, listed
from tests.support.asking import predict
from tests.support.models import OTHER, SERVED
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack

REFUSED = 1


def test_what_runs_is_exported_and_is_what_shall_run(stack: RunningStack, tmp_path: Path) -> None:
    exported = stack.command("lifecycle", "export")
    models = yaml.safe_load(exported.stdout)["models"]
    assert models.keys() == {OTHER, SERVED}
    assert (models[SERVED]["version"], models[SERVED]["precision"], models[SERVED]["workers"]) == ("1.0", "f32", 1)
    file = tmp_path / "models.yaml"
    file.write_text(exported.stdout)
    before = listed(stack)
    applied = stack.command("lifecycle", "apply", str(file))
    same = [f"= {name}: 1.0 with 1 worker(s)" for name in models]
    assert (applied.returncode, applied.stdout.splitlines()) == (0, same), applied.stderr
    assert listed(stack) == before


def test_a_model_that_fails_keeps_no_other_from_its_change(stack: RunningStack, site: Site, tmp_path: Path) -> None:
    before = listed(stack)
    file = tmp_path / "models.yaml"
    wished = {OTHER: {"precision": "int8"}, SERVED: {"version": "1.1", "workers": 2}, GUEST: {"workers": 0}}
    file.write_text(yaml.safe_dump({"models": wished}, sort_keys=False))
    guest(site)
    changes = [f"~ {SERVED}: version 1.0 → 1.1, workers 1 → 2", f"+ {GUEST}: 7 with 0 worker(s)"]
    problem = f"{OTHER}: no archive in {site.store} is what is wished for; there is MobileNetV2_FER2013.mar (1.0, f32, "

    shown = stack.command("lifecycle", "apply", str(file), "--dry-run")
    assert (shown.returncode, shown.stdout.splitlines()) == (REFUSED, changes)
    assert problem in shown.stderr
    assert listed(stack) == before

    applied = stack.command("lifecycle", "apply", str(file))
    assert (applied.returncode, applied.stdout.splitlines()) == (REFUSED, changes), applied.stderr
    assert problem in applied.stderr
    after = [(GUEST, "7", True, 0), (SERVED, "1.0", False, 0), (SERVED, "1.1", True, 2), (OTHER, "1.0", True, 1)]
    assert listed(stack) == after
    assert predict(stack.url, SERVED).body["version"] == "1.1"

    file.write_text(yaml.safe_dump({"models": {SERVED: {"version": "1.0", "workers": 1}, OTHER: None}}))
    back = stack.command("lifecycle", "apply", str(file), "--prune", "--json")
    assert back.returncode == 0, back.stderr
    assert {entry["model"]: entry["change"] for entry in json.loads(back.stdout)} == {
        SERVED: "~",
        OTHER: "=",
        GUEST: "-",
    }
    assert [row for row in listed(stack) if row[2]] == [(SERVED, "1.0", True, 1), (OTHER, "1.0", True, 1)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models: {", "cannot be read"),
        ("- A", "has no models below `models:`"),
        ("models: {A: 2}", "A: 2 is no mapping of version, sha256, precision, workers"),
        ("models: {A: {versions: '1'}}", "A: unknown key 'versions'; use version"),
        ("models: {A: {version: 1.10}}", 'A: version: 1.1 is not a text; put it in quotes, as in "1.1"'),
        ("models: {A: {workers: -1}}", "A: workers: -1 is not a whole number of 0 or more"),
        ("models: {A: {workers: true}}", "A: workers: True is not a whole number of 0 or more"),
    ],
)
def test_a_file_that_says_nothing_usable_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "models.yaml").write_text(text)
    with pytest.raises(DesiredError) as caught:
        read_wishes(tmp_path / "models.yaml")
    assert message in str(caught.value)


def test_apply_leaves_a_canary_alone(stack: RunningStack, site: Site, tmp_path: Path) -> None:
    """Last, since the version that serves is another one by then in a test before."""
    repack(site.archive(SERVED), site.store / SAME, "1.2")
    run(stack, "canary", SERVED, SAME, "--percent", "100")
    exported = stack.command("lifecycle", "export").stdout
    file = tmp_path / "models.yaml"

    def apply(text: str, *options: str) -> tuple[int, str, str]:
        file.write_text(text)
        done = stack.command("lifecycle", "apply", str(file), *options)
        return done.returncode, done.stdout, done.stderr

    # What serves is what is wished for, and stays; so does the canary.
    assert apply(exported)[:2] == (0, "".join(f"= {name}: 1.0 with 1 worker(s)\n" for name in (OTHER, SERVED)))
    assert predict(stack.url, SERVED).body["version"] == "1.2"
    for wish in ('{version: "1.2"}', '{version: "1.1"}'):
        for options in (["--dry-run"], []):
            code, said, problem = apply(f"models: {{{SERVED}: {wish}}}", *options)
            assert (code, said.strip()) == (REFUSED, "")
            assert f"version 1.2 of {SERVED} is a canary now" in problem
    code, said, _ = apply(f"models: {{{SERVED}: {{workers: 2}}}}")
    assert (code, said) == (0, f"~ {SERVED}: workers 1 → 2\n")
    assert (row_of(stack, "1.0")["ready"], row_of(stack, "1.2")["ready"]) == (2, 1)
    assert predict(stack.url, SERVED).body["version"] == "1.2"
    assert trial(stack)["under_way"]
    run(stack, "scale", SERVED, "1")
    run(stack, "abort", SERVED)
