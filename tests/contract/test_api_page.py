"""docs/api.md: what its examples print is what the service answers."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from scripts.settings import ROOT
from tests.support.commands import program_is_missing

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

PAGE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
# Command and output; a command goes on after a backslash.
EXAMPLES = re.findall(r"^```console\n\$ ((?:[^\n]*\\\n)*[^\n]*)\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "http://localhost:8000"
PICTURE = ROOT / "proxy" / "pages" / "static" / "samples" / "happiness.jpg"


def test_every_block_of_the_page_is_tried() -> None:
    assert len(EXAMPLES) == PAGE.count("```console\n") > 5


@pytest.mark.parametrize(("command", "output"), EXAMPLES, ids=[command for command, _ in EXAMPLES])
def test_example_prints_what_the_page_shows(stack: RunningStack, command: str, output: str) -> None:
    """Lines may be broken anywhere; "…" stands for anything, a probability for any other."""
    if shutil.which("curl") is None:
        program_is_missing("curl is not installed")
    tried = command.replace(ADDRESS, stack.url).replace("@face.jpg", f"@{PICTURE}")
    assert tried.startswith("curl ")
    shell = ["bash", "-c", tried.replace("curl ", "curl --silent ", 1)]
    printed = subprocess.run(shell, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60).stdout
    pattern = re.escape(by_label("".join(output.split()))).replace("…", ".*")
    pattern = re.sub(r"(?<=:)0\\\.\d+", r"0\\.\\d+", pattern)
    assert re.fullmatch(pattern, by_label("".join(printed.split())), re.DOTALL), printed


def by_label(text: str) -> str:
    """A prediction with its labels in the order of the alphabet: two of the same probability may change places."""
    return re.sub(r'(?<="predictions":\{)[^}]*', lambda found: ",".join(sorted(found[0].split(","))), text)
