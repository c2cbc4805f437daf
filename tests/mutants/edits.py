"""Changes by hand, where no tool makes them: templates, njs, alert rules, the shell of the system."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.trees import fresh_tree

LIST = Path(__file__).with_name("edits.txt")
SECONDS = 600


@dataclass(frozen=True)
class Edit:
    """``old`` stands once in ``file``; with ``new`` in its place one of the ``tests`` must fail.

    ``tests`` are a command, or what pytest is given. Those of ``stack`` need the nine archives and a stack.
    """

    file: str
    old: str
    new: str
    tests: str
    stack: bool

    @property
    def command(self) -> list[str]:
        """What must fail."""
        if self.tests.startswith("promtool "):
            return shlex.split(self.tests)
        own = ["-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
        return [sys.executable, *own, *shlex.split(self.tests)]


def edits() -> list[Edit]:
    """The list: blocks of four lines, file, old, new, tests; ``stack:`` before the tests marks those that need one.

    ⏎ is a line's end.
    """
    blocks = [block.splitlines() for block in LIST.read_text(encoding="utf-8").strip().split("\n\n")]
    blocks = [[line for line in block if not line.startswith("#")] for block in blocks]
    return [
        Edit(
            file,
            lines(old),
            lines(new.removeprefix("(nothing)")),
            tests.removeprefix("stack: "),
            tests.startswith("stack: "),
        )
        for file, old, new, tests in (block for block in blocks if block)
    ]


def lines(text: str) -> str:
    """A text of the list as the file has it."""
    return text.replace("⏎", "\n")


def survivors(chosen: Iterable[Edit]) -> Iterator[Edit]:
    """Make one change at a time in a copy of the tree; yields those that no test noticed."""
    tree = fresh_tree("edits")
    for edit in chosen:
        if not _noticed(tree, edit):
            yield edit


def _noticed(tree: Path, edit: Edit) -> bool:
    path = tree / edit.file
    text = path.read_text(encoding="utf-8")
    if text.count(edit.old) != 1:
        raise ValueError(f"{edit.file}: {edit.old!r} stands there {text.count(edit.old)} times; mend {LIST.name}")
    path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    try:
        return _fails(tree, edit)
    finally:
        path.write_text(text, encoding="utf-8")


def _fails(tree: Path, edit: Edit) -> bool:
    """Whether the tests fail; pytest's code 1 is a failure, others are mistakes of the list."""
    try:
        done = subprocess.run(edit.command, cwd=tree, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1):
        raise ValueError(f"{edit.file}: `{edit.tests}` cannot be run: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.returncode == 1
