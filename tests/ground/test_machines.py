"""What the commands meet on people's machines: variables of other programs, links, a parallel make, Windows' clones."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from scripts.settings import ROOT
from tests.support.hostile import HOSTILE, PYTHON

SCRIPTS = ["scripts/keys", "scripts/models", "scripts/predict"]


def run(
    *command: str | Path, folder: Path = ROOT, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}  # of the make that tests
    return subprocess.run(
        command,
        cwd=folder,
        env={**own, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_runs_from_any_folder_by_any_link_whatever_is_told_to_python(script: str, tmp_path: Path) -> None:
    """Also where a file of the folder is called like a module."""
    (tmp_path / "json.py").write_text("raise SystemExit('not this one')")
    (tmp_path / "link").symlink_to(ROOT / script)
    shown = run("./link", "--help", folder=tmp_path, environment={**PYTHON, "PYTHONPATH": str(tmp_path)})
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: {script} ")


def test_make_stops_a_stack_whatever_other_programs_are_told(tmp_path: Path) -> None:
    """Values that no start takes are in nobody's way."""
    environment = {**HOSTILE, **PYTHON, "RUN_DIR": str(tmp_path), "PORT": "eighty", "LOG_LEVEL": "loud"}
    done = run("make", "-j8", "stop", environment=environment)
    assert (done.returncode, done.stdout) == (0, "Nothing runs.\n"), done.stderr


def test_make_does_one_thing_after_the_other(tmp_path: Path) -> None:
    """As in ``make -j8 stop start``."""
    rules = tmp_path / "rules"
    rules.write_text(f"include {ROOT}/Makefile\nfirst: ; @sleep 0.3; echo first\nsecond: ; @echo second\n")
    done = run("make", "-j8", "-f", rules, "first", "second")
    assert done.stdout == "first\nsecond\n"


def test_a_clone_has_unix_line_ends_whatever_git_is_told() -> None:
    """core.autocrlf=true would make ``#!/bin/sh`` of scripts/models a program that there is not."""
    listed = run("git", "ls-files", "--eol")
    if listed.returncode:
        pytest.skip("this is not a clone of git's")
    kinds = {line.partition("\t")[2]: line.split()[0:4] for line in listed.stdout.splitlines()}
    assert kinds["scripts/models"][0] == "i/lf"
    wrong = {file: kind for file, kind in kinds.items() if kind[0] != "i/-text" and "eol=lf" not in " ".join(kind)}
    assert wrong == {}
