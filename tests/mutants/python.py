"""mutmut's mutants of the modules that need no stack, and what became of each."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.equivalent import reason
from tests.mutants.trees import fresh_tree

MUTMUT = Path(sys.executable).with_name("mutmut")
# What mutmut calls a mutant that a test noticed; a time-out is an endless loop.
KILLED = ("killed", "timeout", "caught by type check", "segfault")


@dataclass(frozen=True)
class Mutant:
    """One change. ``file`` is the module's path, ``old`` and ``new`` its line before and after."""

    name: str
    file: str
    line: int
    old: str
    new: str
    fate: str

    @property
    def killed(self) -> bool:
        """Whether a test noticed it."""
        return self.fate in KILLED

    @property
    def equivalent(self) -> str | None:
        """Why no test can notice it, if it is known that none can."""
        return None if self.killed else reason(self.file, self.old, self.new)


def mutants(only: Iterable[str] = ()) -> list[Mutant]:
    """Run mutmut in a copy of the tree, on all modules of pyproject.toml or on ``only``."""
    tree = fresh_tree("python")
    _put_handlers_on_the_path(tree)
    names = [f"{file.removesuffix('.py').removeprefix('handlers/').replace('/', '.')}.*" for file in only]
    subprocess.run([MUTMUT, "run", "--max-children", "2", *names], cwd=tree, check=False)
    listed = subprocess.run([MUTMUT, "results", "--all", "true"], cwd=tree, capture_output=True, text=True, check=True)
    found = re.findall(r"^ *(\S+): (.+)$", listed.stdout, re.MULTILINE)
    return [_mutant(tree, name, fate) for name, fate in found if fate not in ("not checked", "skipped")]


def _put_handlers_on_the_path(tree: Path) -> None:
    """Let mutmut see handlers/ under the one name it knows for a folder of top-level modules, src/.

    The tests import ``emotion_handler``, as TorchServe's workers do; mutmut would call it ``handlers.emotion_handler``.
    """
    shutil.copytree(tree / "handlers", tree / "src")
    configuration = tree / "pyproject.toml"
    before, table, own = configuration.read_text(encoding="utf-8").partition("[tool.mutmut]")
    before = before.replace('pythonpath = [".", "handlers"]', 'pythonpath = [".", "src"]')
    own = re.sub(r'"handlers(?=[/"])', '"src', own).replace("also_copy = [", 'also_copy = ["handlers", ')
    configuration.write_text(before + table + own, encoding="utf-8")


def _mutant(tree: Path, name: str, fate: str) -> Mutant:
    file = f"{name.rpartition('.')[0].replace('.', '/')}.py"
    file = file if file.startswith("scripts/") else f"handlers/{file}"
    if fate in KILLED:
        return Mutant(name, file, 0, "", "", fate)
    shown = subprocess.run([MUTMUT, "show", name], cwd=tree, capture_output=True, text=True, check=True).stdout
    lines = shown.splitlines()
    old = next((line[1:].strip() for line in lines if re.match(r"-(?!--)", line)), "")
    new = next((line[1:].strip() for line in lines if re.match(r"\+(?!\+\+)", line)), "")
    return Mutant(name, file, _line(tree / file, old), old, new, fate)


def _line(path: Path, text: str) -> int:
    """The number of the first line with this text; 0 if there is none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, 1) if line.strip() == text), 0)
