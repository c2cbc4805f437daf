"""What all commands have in common: their help, and how they end when their output is closed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.console import new_app, run
from scripts.settings import ROOT
from tests.support.commands import run_command, run_unread
from tests.support.stacks import stack_environment

OUTPUT_CLOSED = 141

TYPED = {
    "stack": "python -m scripts.stack",
    "lifecycle": "scripts/models",
    "client": "scripts/predict",
    "access": "scripts/keys",
    "evaluation": "scripts/evaluate",
    "archives": "python -m scripts.archives",
    "checkpoints": "python -m scripts.checkpoints",
    "bench": "python -m scripts.bench",
    "release": "python -m scripts.release",
    "monitoring": "python -m scripts.monitoring",
}


@pytest.mark.parametrize(
    "arguments",
    [
        *([module, "--help"] for module in TYPED),
        ["stack", "status"],
        ["lifecycle", "key", "list"],
        ["access", "list"],
        ["proxy"],
    ],
    ids=" ".join,
)
def test_a_command_ends_quietly_when_its_output_is_closed(tmp_path: Path, arguments: list[str]) -> None:
    module, *rest = arguments
    ended = run_unread([sys.executable, "-m", f"scripts.{module}", *rest], stack_environment(tmp_path))
    assert (ended.returncode, ended.stderr) == (OUTPUT_CLOSED, "")


def test_a_stop_goes_on_when_its_output_is_closed(tmp_path: Path) -> None:
    ended = run_unread([sys.executable, "-m", "scripts.stack", "stop"], stack_environment(tmp_path))
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(
    "arguments", [["client", "nowhere.jpg"], ["lifecycle", "list"], ["lifecycle", "scale"]], ids=" ".join
)
def test_a_failure_that_nobody_reads_keeps_its_exit_code(tmp_path: Path, arguments: list[str]) -> None:
    """As in ``2>&1 | head -1``; Python itself would end with 120."""
    environment = stack_environment(tmp_path)
    code = run_command(environment, *arguments).returncode
    assert code
    module, *rest = arguments
    shell = ["bash", "-c", '"$@" 2>&1 >/dev/null | true; exit ${PIPESTATUS[0]}', "bash"]
    ended = run_unread([*shell, sys.executable, "-m", f"scripts.{module}", *rest], environment)
    assert (ended.returncode, ended.stderr) == (code, "")


@pytest.mark.parametrize(("umask", "mode"), [(0o000, 0o664), (0o002, 0o664), (0o077, 0o600)])
def test_strangers_write_no_file_of_a_command(tmp_path: Path, umask: int, mode: int) -> None:
    """They could change what a stack runs."""
    app = new_app("Writes.")
    made = tmp_path / "made"
    app.command()(lambda: made.write_text("") and 0)
    before = os.umask(umask)
    try:
        assert run(app, "command", []) == 0
    finally:
        os.umask(before)
    assert made.stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(("module", "typed"), TYPED.items())
def test_help_begins_with_what_a_person_types(tmp_path: Path, module: str, typed: str) -> None:
    shown = run_command(stack_environment(tmp_path), module, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith(f"Usage: {typed} ")


@pytest.mark.parametrize(("script", "typed", "completed"), [("models", "ro", "rollback"), ("predict", "--al", "--all")])
def test_a_shell_completes_the_scripts(script: str, typed: str, completed: str) -> None:
    path = ROOT / "scripts" / script
    # Else Typer looks for the shell among the processes above, of which it sees no more than a few.
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    command = [str(path), "--show-completion", "bash"]
    shown = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
    asked = f"""
        {shown.stdout}
        COMP_WORDS=({path} {typed}) COMP_CWORD=1
        _{script}_completion {path}
        printf '%s\\n' "${{COMPREPLY[@]}}"
        complete -p {script}
    """
    answered = subprocess.run(["bash", "-c", asked], capture_output=True, text=True, check=True, timeout=60).stdout
    assert answered.splitlines()[0] == completed
    assert answered.splitlines()[-1].endswith(f"-F _{script}_completion {script}")


@pytest.mark.parametrize("module", ["stack", "lifecycle", "checkpoints", "bench"])
def test_help_describes_each_command_in_a_whole_sentence(tmp_path: Path, module: str) -> None:
    shown = run_command(stack_environment(tmp_path), module, "--help").stdout
    listed = shown.partition("Commands:")[2].partition("\n\n")[0]
    sentences = re.split(r"^  \S+ +", listed, flags=re.MULTILINE)[1:]
    assert len(sentences) > 1
    for sentence in sentences:
        assert sentence.rstrip().endswith("."), sentence
        assert "..." not in sentence
