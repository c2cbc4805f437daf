"""What is tried with made-up inputs: how a case is made, and what is wrong with what came of it."""

from __future__ import annotations

import importlib
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Protocol

from scripts.settings import ROOT

# By name: module and class. The class is called with a folder that is its own.
TARGETS = {
    "form": "tests.fuzz.forms:Forms",
    "image": "tests.fuzz.images:Images",
    "checkpoint": "tests.fuzz.checkpoints:Checkpoints",
    "archive": "tests.fuzz.archives:Archives",
}


class Target(Protocol):
    """One reader. ``batch`` is how many cases it is given at once."""

    batch: int

    def make(self, noise: Random) -> bytes:
        """A case: all that the reader is given, in one piece, so that it can be kept as a file."""

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        """What is wrong with each case's outcome, empty if nothing is. ``kind: details``, where the kind is fixed."""


def open_target(name: str, folder: Path) -> Target:
    """The target of that name in TARGETS, or of a ``module:class`` of its own."""
    # The handlers are packed into archives, where they lie beside each other.
    if (handlers := str(ROOT / "handlers")) not in sys.path:
        sys.path.insert(0, handlers)
    module, _, attribute = TARGETS.get(name, name).partition(":")
    folder.mkdir(parents=True, exist_ok=True)
    target: Target = getattr(importlib.import_module(module), attribute)(folder)
    return target


def case_of(target: Target, seed: int, number: int) -> bytes:
    """The case with that number: always the same for the same seed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is strange on purpose
        return target.make(Random(f"{seed} {number}"))
