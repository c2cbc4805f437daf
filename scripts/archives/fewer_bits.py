"""From the files of a float32 archive to those of one with fewer bits, and the comparison that they must pass."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.archives import gate
from scripts.archives.answers import Answers, AnswersError, ask
from scripts.archives.pictures import Pictures, find, split
from scripts.archives.quantisation import EXACT_SHARES, QuantisationError, quantise
from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.precision import FAST, IN_WORDS, INSTRUCTION_SETS, PREPROCESSINGS, Gate, instruction_sets

NETWORK = ("network.xml", "network.bin")


class RefusedError(UserError):
    """An archive of fewer bits is not made; the message says why and what to do, ``lines`` what was measured."""

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = list(lines)


@dataclass(frozen=True)
class Wish:
    """What is to be made: the precision, the folder of pictures, the gate's limits (None: without a gate), and how
    pictures are prepared: ``exact`` or ``fast``.
    """

    precision: str
    calibration: Path | None
    limits: Gate | None
    preprocessing: str = PREPROCESSINGS[0]


@dataclass(frozen=True)
class Made:
    """The files in ``folder``, what the build says of them in ``lines``, and their proof; None without a gate."""

    folder: Path
    lines: list[str]
    proof: dict[str, Any] | None


def missing(wish: Wish) -> str | None:
    """What has to be given before anything can be made; None if it is there."""
    if wish.calibration is not None or (wish.limits is None and wish.precision == "bf16"):
        return None
    purpose = "is quantised with and compared on" if wish.precision == "int8" else "is compared on"
    skip = "" if wish.precision == "int8" else ", or GATE=off to do without the comparison"
    return (
        f"{IN_WORDS[wish.precision]} {purpose} pictures like those that the model will see; give a folder of them, "
        f"best with one for each label: make archives PRECISION={wish.precision} CALIBRATION=folder{skip}"
    )


def make(model: Model, exact: Path, wish: Wish, report: Callable[[str], None]) -> Made:
    """Make the archive's files in fewer bits beside ``exact``, the folder of its float32 ones, and judge them.

    Of 8 bits there are several attempts, with more and more layers left in float32. Raises RefusedError, PicturesError,
    QuantisationError, or AnswersError if the float32 archive cannot be asked.
    """
    place, int8 = exact.with_name(wish.precision), wish.precision == "int8"
    pictures = None
    if wish.calibration is not None:
        pictures = split(find(wish.calibration, model), wish.limits, calibrate=int8)
    comparison = Comparison(model, exact, pictures.held_out) if wish.limits and pictures else None
    made, failed = Made(place, [], None), list[str]()
    for exact_share in EXACT_SHARES if comparison and int8 else EXACT_SHARES[:1]:
        _fill(place, exact, wish)
        if int8 and pictures:
            report("quantising")
            try:
                quantise(model, exact, place, pictures.calibrating, exact_share)
            except QuantisationError as error:
                if not exact_share:
                    raise
                failed.append(f"leaving layers in float32 fails ({error})")
                break
        if comparison is None:
            return Made(place, [_gain(wish.precision), "not compared with float32 (GATE=off)"], None)
        report("comparing")
        made, failed = comparison.judge(place, wish)
        if not failed:
            return made
    raise RefusedError(f"{IN_WORDS[wish.precision]} is refused: {'; '.join(failed)}", made.lines)


class Comparison:
    """What the float32 archive in ``exact`` answers to ``pictures``, asked for once, beside what others answer."""

    def __init__(self, model: Model, exact: Path, pictures: Pictures) -> None:
        self._model, self._pictures = model, pictures
        self._expected = ask(exact, model.archive_name, pictures.files, timed=True)

    def judge(self, place: Path, wish: Wish) -> tuple[Made, list[str]]:
        """Compare the archive in ``place`` by the wish's limits; also says in which points it fails."""
        try:
            answers = ask(place, self._model.archive_name, self._pictures.files, timed=True)
        except AnswersError as error:
            return Made(place, [], None), [str(error)]
        found, problem = gate.cases(self._pictures.labels, self._expected.of_files, answers.of_files)
        if problem is None and len(found) < 2:
            problem = f"{self._pictures.place} has no pictures that can be read"
        if problem:
            return Made(place, [], None), [problem]
        limits = (wish.limits or Gate()).for_precision(wish.precision)
        findings = gate.judge(found, self._model.emotions, limits)
        lines = [*self._head(found), _gain(wish.precision), _time(self._expected, answers)]
        lines += [f"{'holds' if finding.holds else 'FAILS'}  {finding.line}" for finding in findings]
        failed = [finding.line for finding in findings if not finding.holds]
        return Made(place, lines, _proof(wish.precision, found, findings, limits)), failed

    def _head(self, found: Sequence[gate.Case]) -> list[str]:
        unreadable = len(self._pictures.files) - len(found)
        known = sum(case.truth is not None for case in found)
        place = f"{self._pictures.place.parent.name}/{self._pictures.place.name}"
        lines = [f"compared with float32 on {len(found)} held-out pictures of {place}, {known} of them with a label"]
        return lines + ([f"{unreadable} pictures cannot be read and were left out"] if unreadable else [])


def _proof(
    precision: str, found: Sequence[gate.Case], findings: Sequence[gate.Finding], limits: Gate
) -> dict[str, Any]:
    return {
        "images": len(found),
        "labelled": sum(case.truth is not None for case in found),
        **{finding.name: finding.kept for finding in findings},
        "limits": asdict(limits),
        "instruction_sets": instruction_sets(precision),
    }


def _fill(place: Path, exact: Path, wish: Wish) -> None:
    """Give ``place`` the files of ``exact``, linked, but a description of its own; an old network goes."""
    place.mkdir(exist_ok=True)
    for file in exact.iterdir():
        if file.name != "model.json":
            (place / file.name).unlink(missing_ok=True)
            os.link(file, place / file.name)
    own = {"precision": wish.precision, **({"preprocessing": FAST} if wish.preprocessing == FAST else {})}
    write_description(place, {**read_description(exact), **own})


def read_description(folder: Path) -> dict[str, Any]:
    """``model.json``."""
    description: dict[str, Any] = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return description


def write_description(folder: Path, description: dict[str, Any]) -> None:
    """Replace ``model.json``."""
    (folder / "model.json").write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _gain(precision: str) -> str:
    present = instruction_sets(precision)
    if present:
        return f"this processor has {', '.join(present)}"
    wanted = ", ".join(INSTRUCTION_SETS[precision])
    return f"nothing is gained on this processor: it has none of the instructions for {precision} ({wanted})"


def _time(before: Answers, after: Answers) -> str:
    if not before.milliseconds or not after.milliseconds:
        return "the network was not timed"
    ratio = before.milliseconds / after.milliseconds
    return (
        f"the network takes {after.milliseconds:.1f} ms for a picture instead of {before.milliseconds:.1f} "
        f"({ratio:.1f} times as fast)"
    )
