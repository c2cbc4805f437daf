"""The commands a newcomer types from the README, as far as they can be tried without a service."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from scripts.access import __main__ as access
from scripts.catalogue import load_catalogue
from scripts.client import __main__ as client
from scripts.evaluation import __main__ as evaluation
from scripts.lifecycle import commands as lifecycle
from scripts.settings import ROOT, load_settings

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README = PAGES[0].read_text()
APPS = {
    "scripts/evaluate": evaluation.app,
    "scripts/keys": access.app,
    "scripts/models": lifecycle.app,
    "scripts/predict": client.app,
}


def blocks(text: str) -> list[str]:
    """The lines in fenced sh blocks, without comments; continued lines are joined."""
    fenced = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = "\n".join(fenced).replace("\\\n", " ").splitlines()
    return [line.partition(" #")[0].strip() for line in lines if line.strip() and not line.startswith("#")]


def spans(text: str) -> list[str]:
    """What stands between backticks in the text around the blocks, tables included."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def typed(text: str, start: str) -> list[list[str]]:
    """The words of every command of a page that begins with ``start``."""
    return [shlex.split(command) for command in [*blocks(text), *spans(text)] if re.match(rf"{start}\b", command)]


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_the_readme_is_read_at_all() -> None:
    assert ["make", "serve"] in typed(README, "make")
    assert typed(README, "curl")
    scripts = {command[0] for command in typed(README, "scripts/")}
    assert scripts == {"scripts/evaluate", "scripts/keys", "scripts/models", "scripts/predict"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_command_has_its_target(page: Path) -> None:
    for command in typed(page.read_text(), "make"):
        targets = [word for word in command[1:] if "=" not in word]
        tried = run("make", "--dry-run", "--no-print-directory", *targets)
        assert tried.returncode == 0, f"{' '.join(command)}: {tried.stderr}"


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_link_within_the_project_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?://)([^)\s]+)\)", page.read_text()):
        name, _, section = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        if section:
            assert section in anchors(target.read_text()), link


def anchors(text: str) -> set[str]:
    """What GitHub makes of the headings: lower case, blanks as hyphens, without other signs."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_make_help_lists_the_targets_of_the_readme() -> None:
    listed = set(re.findall(r"^ +make ([a-z-]+)", run("make", "help").stdout, re.MULTILINE))
    named = {word for command in typed(README, "make") for word in command[1:] if "=" not in word}
    assert "serve" in named
    assert named <= listed


@pytest.mark.parametrize("script", ["scripts/evaluate", "scripts/keys", "scripts/models", "scripts/predict"])
def test_the_scripts_tell_how_they_are_used(script: str) -> None:
    shown = run(ROOT / script, "--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("Usage: ")


def test_settings_given_to_make_are_settings() -> None:
    known = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))
    assert "PORT" in known
    given = {word.partition("=")[0] for command in typed(README, "make") for word in command if "=" in word}
    assert given <= known | {"ARGS", "ARCHIVE_VERSION", "DATA", "MODEL"}


def test_the_first_request_asks_for_what_there_is() -> None:
    (command,) = typed(README, "curl")
    form = dict(value.split("=", 1) for option, value in itertools.pairwise(command) if option == "-F")
    assert form["model"] in load_catalogue(ROOT / "models.json")
    assert (ROOT / form["file"].removeprefix("@")).is_file()
    api = yaml.safe_load((ROOT / "proxy" / "openapi" / "openapi.yaml").read_text())
    address = load_settings({name: value for name, value in os.environ.items() if name == "HOME"}).url
    assert command[-1].startswith(f"{address}/")
    assert "post" in api["paths"][command[-1].removeprefix(address)]


def commands(command: Any, words: str) -> Iterator[tuple[str, Any]]:
    """A command as it is called, or those below it."""
    below = getattr(command, "commands", {})
    if not below:
        yield words, command
    for name, one in below.items():
        yield from commands(one, f"{words} {name}")


@pytest.mark.parametrize("script", APPS)
def test_every_command_has_an_example_in_its_help(script: str) -> None:
    for words, command in commands(typer.main.get_command(APPS[script]), script):
        assert f"\n  {words}" in (command.epilog or ""), words


@pytest.mark.parametrize("typed", ["predict -m VGG", "models scale VGG"])
def test_a_shell_completes_the_names_of_models(typed: str) -> None:
    script = typed.partition(" ")[0]
    asked = {f"_{script.upper()}_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": "2"}
    command, environment = ROOT / "scripts" / script, {**os.environ, **asked}
    done = subprocess.run([command], env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.split() == ["VGG19_FER2013", "VGG19_RAF-DB", "VGG19_CK+48"]
