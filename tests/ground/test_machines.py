"""What the commands meet on people's machines: variables of other programs, links, a parallel make, Windows' clones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.settings import ROOT
from tests.support.commands import run_unread
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


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A clone in which nothing was set up yet, as far as make sees it."""
    (tmp_path / "requirements").mkdir()
    for name in ("Makefile", "requirements.txt", "requirements/serve.txt", "requirements/faces.txt"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for name in ("torchserve/class_data.py", "archives/face_detector.py"):
        (tmp_path / "scripts" / name).parent.mkdir(parents=True)
        (tmp_path / "scripts" / name).touch()
    return tmp_path


def python_of(path: Path, *version: int) -> Path:
    """A program that is asked for its version as a Python is, and can do nothing else."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"#!{sys.executable}\nimport sys\nsys.version_info = {version}\nexec(sys.argv[sys.argv.index('-c') + 1])"
    )
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("target", ["status", "stop"])
def test_a_bare_clone_is_asked_and_stopped_without_setting_anything_up(bare: Path, target: str) -> None:
    before = sorted(bare.rglob("*"))
    done = run("make", target, folder=bare)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Nothing runs, and nothing is set up yet; 'make start' does both.\n"
    assert sorted(bare.rglob("*")) == before


def test_an_old_python_is_refused_before_anything_is_made(bare: Path) -> None:
    old = python_of(bare / "python3.9", 3, 9)
    before = sorted(bare.rglob("*"))
    done = run("make", "serve", f"PYTHON={old}", folder=bare)
    assert done.returncode == 2
    assert f"{old} is no Python 3.10 or later; name one: make serve PYTHON=python3.11\n" in done.stderr
    assert sorted(bare.rglob("*")) == before


def test_a_venv_of_an_old_python_is_told_to_be_removed(bare: Path) -> None:
    """Whatever Python is named now, that venv keeps its own."""
    python_of(bare / ".venv" / "bin" / "python", 3, 9)
    done = run("make", "start", f"PYTHON={python_of(bare / 'python3.10', 3, 10)}", folder=bare)
    assert done.returncode == 2
    assert ".venv has a Python older than 3.10; remove it: rm -r .venv\n" in done.stderr


def test_make_status_says_that_nothing_runs_and_make_adds_nothing(tmp_path: Path) -> None:
    done = run("make", "status", environment={"RUN_DIR": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("Nothing runs; `make start` starts it.\n")


@pytest.mark.parametrize("target", ["help", "status", "stop"])
@pytest.mark.parametrize("is_set_up", [True, False])
def test_make_adds_nothing_when_its_reader_goes_away(bare: Path, tmp_path: Path, target: str, is_set_up: bool) -> None:
    """As in ``make status | head -1``."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = {**own, "RUN_DIR": str(tmp_path)}
    ended = run_unread(["make", target], environment, ROOT if is_set_up else bare)
    assert (ended.returncode, ended.stderr) == (0, "")


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
