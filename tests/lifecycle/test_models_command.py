"""``scripts/models``: what it prints, and the codes it ends with."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.files import exclusive
from scripts.settings import ROOT
from tests.lifecycle.listing import rows_of
from tests.support.asking import asking, predict, wait_for_answers
from tests.support.commands import run_command
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.sites import Site, repack
from tests.support.stacks import RunningStack, stack_environment

REFUSED, USAGE, NOT_LOADED, NOT_RUNNING, LATE, UNKNOWN = 1, 2, 3, 4, 5, 6


def rows(stack: RunningStack, name: str) -> list[dict[str, Any]]:
    listed = stack.command("lifecycle", "list", "--json")
    assert listed.returncode == 0, listed.stderr
    return [row for row in json.loads(listed.stdout) if row["model"] == name]


def row(site: Site, **changes: Any) -> dict[str, Any]:
    """OTHER as it is after a start, with ``changes``."""
    digest = hashlib.sha256((site.store / "MobileNetV2_FER2013.mar").read_bytes()).hexdigest()
    usual = {"model": OTHER, "version": "1.0", "default": True, "state": "ready", "workers": 1, "ready": 1, "queue": 0}
    archive = {"precision": "f32", "archive": "MobileNetV2_FER2013.mar", "sha256": digest, "stand_in": True}
    nothing = dict.fromkeys(("preprocessing", "proof", "agreement", "error", "members", "trial"))
    return usual | archive | nothing | changes


def test_list_shows_all_of_every_model(stack: RunningStack, site: Site) -> None:
    assert rows(stack, OTHER) == [row(site)] == rows_of(stack, OTHER)
    table = stack.command("lifecycle", "list").stdout.splitlines()
    assert table[0].split() == ["Model", "Version", "State", "Workers", "Queue", "Precision", "Archive", "SHA-256"]
    digest = row(site)["sha256"][:12]
    shown = [*f"{OTHER} 1.0 ready (stand-in) 1/1 0 f32 MobileNetV2_FER2013.mar".split(), digest]
    assert [line.split() for line in table if line.startswith(OTHER)] == [shown]


def test_a_model_is_unregistered_and_registered_again(stack: RunningStack, site: Site) -> None:
    gone = stack.command("lifecycle", "unregister", OTHER, "--json")
    assert (gone.returncode, json.loads(gone.stdout)) == (0, {"model": OTHER, "versions": ["1.0"]})
    assert rows_of(stack, OTHER) == [
        row(site, version=None, default=False, state="not registered", workers=0, ready=0),
    ]
    assert "unregister" not in stack.command("lifecycle", "unregister", OTHER).stdout
    back = stack.command("lifecycle", "register", OTHER, "--json")
    assert (back.returncode, json.loads(back.stdout)) == (
        0,
        {"model": OTHER, "version": "1.0", "workers": 1, "before": None, "changed": True},
    )
    assert predict(stack.url, OTHER).status == 200
    again = stack.command("lifecycle", "register", OTHER)
    said = f"{OTHER} 1.0 is registered with 1 worker(s) already, and nothing was changed.\n"
    assert (again.returncode, again.stdout) == (0, said)


def test_what_a_start_refused_is_taken_back_by_a_change_and_by_no_dry_run(stack: RunningStack, site: Site) -> None:
    index = site.store / "index.json"
    entries = json.loads(index.read_text())
    refused = {**entries, OTHER: {**entries[OTHER], "error": "it is damaged", "refused_by": "verification"}}
    index.write_text(json.dumps(refused))
    assert stack.command("lifecycle", "register", OTHER, "--dry-run").returncode == 0
    assert json.loads(index.read_text()) == refused
    assert stack.command("lifecycle", "register", OTHER).returncode == 0
    assert json.loads(index.read_text()) == entries


def test_scale_waits_for_the_workers_and_back(stack: RunningStack, site: Site) -> None:
    assert stack.command("lifecycle", "scale", OTHER, "2").stdout == f"{OTHER} 1.0 has 2 worker(s).\n"
    assert rows_of(stack, OTHER) == [row(site, workers=2, ready=2)]
    assert stack.command("lifecycle", "scale", OTHER, "0").returncode == 0
    assert rows_of(stack, OTHER) == [row(site, workers=0, ready=0, state="idle")]
    assert predict(stack.url, OTHER).status == 200
    assert rows_of(stack, OTHER) == [row(site)]


def test_scaling_up_and_down_fails_no_request(stack: RunningStack) -> None:
    with asking(stack.url, SERVED) as answers:
        for workers in ("2", "1", "3", "1"):
            wait_for_answers(answers, 1)
            scaled = stack.command("lifecycle", "scale", SERVED, workers)
            assert scaled.returncode == 0, scaled.stderr
        wait_for_answers(answers, 1)
    assert {answer.status for own in answers for answer in own} == {HTTPStatus.OK}


def test_torchserves_names_are_understood_too(stack: RunningStack) -> None:
    assert stack.command("lifecycle", "wait", ARCHIVE).stdout == f"{ARCHIVE} is ready.\n"


def test_registering_without_a_worker_leaves_that_to_the_first_request(stack: RunningStack, site: Site) -> None:
    assert stack.command("lifecycle", "unregister", OTHER).returncode == 0
    assert stack.command("lifecycle", "register", OTHER, "--workers", "0").returncode == 0
    assert rows_of(stack, OTHER) == [row(site, workers=0, ready=0, state="idle")]
    late = stack.command("lifecycle", "wait", OTHER, "--timeout", "0.1")
    assert late.returncode == LATE
    assert re.fullmatch(
        rf"{re.escape(OTHER)} 1\.0: 0 of 1 workers are READY after 0(\.1)? s; "  # less is left on a busy machine
        rf"`scripts/models logs {re.escape(OTHER)}` may say why\n",
        late.stderr,
    )
    assert stack.command("lifecycle", "wait").stdout == f"{SERVED} is ready.\n"
    assert predict(stack.url, OTHER).status == 200


def test_an_archive_outside_the_catalogue_is_registered_with_a_remark(stack: RunningStack, site: Site) -> None:
    repack(site.store / f"{ARCHIVE}.mar", site.store / "Guest.mar", "1.0", name="Guest")
    registered = stack.command("lifecycle", "register", "Guest.mar")
    assert (registered.returncode, registered.stdout) == (0, "Guest 1.0 is registered with 1 worker(s).\n")
    assert "Guest is not in models.json: clients cannot ask for it yet." in registered.stderr
    for place, said in (("lifecycle list", "stderr"), ("stack status", "stdout")):
        shown = getattr(stack.command(*place.split()), said)
        assert "Guest is registered and holds memory, but " in shown
        assert "`scripts/models unregister Guest` frees it" in shown
    assert stack.command("lifecycle", "unregister", "Guest", "--version", "1.0").returncode == 0


def test_logs_show_one_model_only(stack: RunningStack) -> None:
    shown = stack.command("lifecycle", "logs", OTHER, "-n", "500").stdout
    assert f"{OTHER} is loaded on" in shown
    assert [line for line in shown.splitlines() if OTHER not in line or f"-{ARCHIVE}_" in line] == []
    assert len(stack.command("lifecycle", "logs", "-n", "3").stdout.splitlines()) == 3
    line = json.loads(stack.command("lifecycle", "logs", OTHER, "-n", "1", "--json").stdout)
    assert OTHER in line["line"]
    unknown = stack.command("lifecycle", "logs", "Foo")
    assert (unknown.returncode, unknown.stdout) == (UNKNOWN, "")
    assert unknown.stderr == "there is no model Foo; `scripts/models list` shows what there is\n"


def test_one_change_at_a_time(stack: RunningStack) -> None:
    with exclusive(stack.settings.run_dir):
        refused = stack.command("lifecycle", "scale", OTHER, "2")
    holder = f"process {os.getpid()} is writing into run/ already; wait for its end or stop it\n"
    assert (refused.returncode, refused.stderr) == (REFUSED, holder)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["scale", "VGG19_CK+48", "1"], UNKNOWN, "VGG19_CK+48 is not registered; `scripts/models list` shows what is"),
        (["scale", SERVED, "1", "--version", "9"], UNKNOWN, f"{SERVED} has no version 9 registered, only 1.0"),
        (["register", "VGG19"], UNKNOWN, "VGG19 is neither in models.json nor the file name of an archive"),
        (["register", "absent.mar"], REFUSED, "absent.mar: there is no such archive in "),
        (["scale", SERVED, "-1"], USAGE, "Usage: scripts/models "),
        (["scale", SERVED, "two"], USAGE, "'two' is not a whole number of 0 or more"),
        (["wait", "--timeout", "nan"], USAGE, "'nan' is not a number of seconds"),
        (["destroy"], USAGE, "No such command 'destroy'"),
        ([], USAGE, "Usage: scripts/models "),
    ],
)
def test_what_cannot_be_done_says_why_and_ends_with_its_code(
    stack: RunningStack, arguments: list[str], code: int, message: str
) -> None:
    refused = stack.command("lifecycle", *arguments)
    assert (refused.returncode, message in refused.stderr) == (code, True), refused.stderr


def test_errors_are_json_where_json_was_asked_for(stack: RunningStack) -> None:
    refused = stack.command("lifecycle", "rollback", SERVED, "--json")
    message = f"{SERVED} has no version to go back to: 1.0 is the first that served here"
    assert (refused.returncode, json.loads(refused.stdout)) == (REFUSED, {"error": message, "exit_code": REFUSED})


@pytest.mark.parametrize("arguments", [["list"], ["scale", SERVED, "1"], ["wait", SERVED, "--timeout", "0"]])
def test_without_a_stack_every_command_says_so(tmp_path: Path, arguments: list[str]) -> None:
    refused = run_command(stack_environment(tmp_path), "lifecycle", *arguments)
    assert refused.returncode == NOT_RUNNING
    assert refused.stderr.endswith("; `make start` starts the stack\n")


def test_the_command_runs_from_any_directory(stack: RunningStack, tmp_path: Path) -> None:
    shown = subprocess.run(
        [ROOT / "scripts" / "models", "wait", SERVED],
        cwd=tmp_path,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (shown.returncode, shown.stdout) == (0, f"{SERVED} is ready.\n"), shown.stderr


def test_clients_see_the_contract_all_the_while(stack: RunningStack) -> None:
    assert requests.get(f"{stack.url}/api/v1/health", timeout=10).json() == {
        "status": "healthy",
        "device": "cpu",
        "loaded_models": 2,
        "available_models": 2,
    }


def test_every_command_and_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "models.md").read_text()
    help_text = run_command({}, "lifecycle", "--help").stdout
    listed = help_text.partition("Commands:")[2].partition("\n\n")[0]
    commands = re.findall(r"^  (\S+)", listed, re.MULTILINE)
    assert len(commands) > 8
    for command in commands:
        assert f"`{command}" in page, command
    for line in help_text.partition("exit codes:")[2].partition("\n\n")[0].strip().splitlines():
        code, meaning = line.split(maxsplit=1)
        assert f"| {code} | {meaning} |".lower() in page.lower(), line
