"""Copies of the working tree, in which lines may be changed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from scripts.settings import ROOT

PLACE = ROOT / ".run" / "mutants"


def fresh_tree(name: str) -> Path:
    """A copy of what git tracks, or would, with the same environment; it takes the place of the one before."""
    tree = PLACE / name
    shutil.rmtree(tree, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for file in subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0"):
        if file and (ROOT / file).is_file():
            (tree / file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, tree / file)
    (tree / ".venv").symlink_to(ROOT / ".venv")
    return tree
