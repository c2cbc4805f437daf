"""Which pictures the arguments of ``scripts/predict`` mean: files, folders, patterns and standard input."""

from __future__ import annotations

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from scripts.client.service import PredictError, read_image

STANDARD_INPUT = "-"
# What is looked for in a folder; a file that is named is sent whatever it is called.
SUFFIXES = {".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".bmp", ".gif"}


@dataclass(frozen=True)
class Picture:
    """A picture to be sent, named as a person named it."""

    name: str

    @cached_property
    def data(self) -> bytes:
        """The file's bytes. Raises PredictError."""
        return sys.stdin.buffer.read() if self.name == STANDARD_INPUT else read_image(Path(self.name))


def pictures(arguments: Iterable[str]) -> list[Picture]:
    """Each picture once, in the order of the arguments; those of a folder, and of those below it, by name.

    A pattern that a shell did not replace is replaced here. Raises PredictError for one that matches nothing, and for a
    folder without pictures.
    """
    return [Picture(name) for name in dict.fromkeys(name for argument in arguments for name in _names(argument))]


def _names(argument: str) -> Iterator[str]:
    path = Path(argument)
    if path.is_dir():
        found = sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES and file.is_file())
        if not found:
            raise PredictError(f"{argument}: no pictures in this folder ({', '.join(sorted(SUFFIXES))})")
        yield from map(str, found)
    elif glob.has_magic(argument) and not path.exists():
        matches = sorted(glob.glob(argument, recursive=True))
        if not matches:
            raise PredictError(f"{argument}: nothing matches this pattern; check it")
        for match in matches:
            yield from _names(match)
    else:
        yield argument
