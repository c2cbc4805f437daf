"""What was answered already: a file that an interrupted evaluation goes on with, and later ones compare with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

Identity = dict[str, Any]

# The answers of one network on two processors differ by less, those of two networks by more.
_SAME = 1e-3


@dataclass(frozen=True)
class Outcome:
    """What the service said to a picture: probabilities by label and the time it took (ms), or why it refused it."""

    probabilities: dict[str, float] | None = None
    milliseconds: float | None = None
    refusal: str | None = None


class Journal:
    """The outcomes for pictures of one model, by the SHA-256 of the file; use as a context manager.

    The file has one JSON object a line: which model answers from there on, or an outcome. It only grows, so a run that
    is killed loses no more than its last line.
    """

    def __init__(self, path: Path, identity: Identity) -> None:
        self._path, self._identity = path, identity
        self._file: TextIO | None = None
        self.outcomes: dict[str, Outcome] = {}

    def __enter__(self) -> Journal:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        last: Identity = {}
        for last, outcomes in recorded(self._path):
            if same_model(last, self._identity):
                self.outcomes.update(outcomes)
        self._file = self._path.open("a", encoding="utf-8")
        if self._path.stat().st_size and not self._path.read_bytes().endswith(b"\n"):
            self._file.write("\n")  # a run was killed in the middle of a line
        if not same_model(last, self._identity):
            self._write({"model": self._identity})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file:
            self._file.close()

    def add(self, digest: str, outcome: Outcome) -> None:
        """Remember an outcome."""
        self.outcomes[digest] = outcome
        known = {name: value for name, value in vars(outcome).items() if value is not None}
        self._write({"sha256": digest, **known})

    def _write(self, line: dict[str, Any]) -> None:
        if self._file:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()


def recorded(path: Path) -> Iterator[tuple[Identity, dict[str, Outcome]]]:
    """Each model that a journal has answers of, in the order of time, and the answers; nothing without a journal."""
    identity: Identity | None = None
    outcomes: dict[str, Outcome] = {}
    for line in _lines(path):
        if "model" in line:
            if identity is not None:
                yield identity, outcomes
            identity, outcomes = line["model"], {}
        elif identity is not None:
            digest = line.pop("sha256")
            outcomes[digest] = Outcome(**line)
    if identity is not None:
        yield identity, outcomes


def same_model(one: Identity, other: Identity) -> bool:
    """Whether two identities are those of one network: all that is said of it, and its answers on the probe."""
    said, also = ({key: value for key, value in each.items() if key != "probe"} for each in (one, other))
    ours, theirs = one.get("probe", {}), other.get("probe", {})
    return (
        said == also
        and ours.keys() == theirs.keys()
        and all(abs(ours[label] - theirs[label]) < _SAME for label in ours)
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    for line in text.splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue  # what was being written when a run was killed
