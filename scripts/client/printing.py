"""What ``scripts/predict`` prints of its answers: bars, lines, a table of all models, CSV or JSON."""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.columns import Columns
from rich.console import Console
from rich.text import Text

from scripts.client.bars import draw
from scripts.client.grid import grid
from scripts.client.outcomes import Outcome
from scripts.client.service import Answer
from scripts.client.words import colour, percent
from scripts.console import print_error
from scripts.labels import emotion

Entries = Mapping[str, Mapping[str, Any]]
Printer = Callable[[Iterable[Outcome], Entries], Iterator[Outcome]]
"""Prints outcomes as they come, knowing what the service lists of each model, and gives them on."""


def bars(outcomes: Iterable[Outcome], entries: Entries) -> Iterator[Outcome]:
    """A bar for each label of each model."""
    out = Console(highlight=False)
    for name, group in itertools.groupby(outcomes, lambda outcome: outcome.picture.name):
        of_picture = list(group)
        panels = [draw(answer) for outcome in of_picture for answer in outcome.answers]
        _print_errors(of_picture)
        if panels:
            out.print(Text(name, "bold"))
            out.print(Columns(panels))
        yield from of_picture


def lines(outcomes: Iterable[Outcome], entries: Entries) -> Iterator[Outcome]:
    """The most probable label of each model in a line."""
    out = Console(highlight=False)
    for outcome in outcomes:
        _print_errors([outcome])
        for answer in outcome.answers:
            label = (f"{answer.top:<10}", colour(answer.top))
            line = Text.assemble(f"{percent(answer.confidence):>8}  ", label, f"  {outcome.picture.name}")
            out.print(line.append(f"  {answer.model}", "dim") if len(entries) > 1 else line, soft_wrap=True)
        yield outcome


def table(outcomes: Iterable[Outcome], entries: Entries) -> Iterator[Outcome]:
    """The models of a picture by architecture and dataset, and what they agree on."""
    out = Console(highlight=False)
    for name, group in itertools.groupby(outcomes, lambda outcome: outcome.picture.name):
        of_picture = list(group)
        out.print(Text(name, "bold"), grid(of_picture, entries), sep="\n")
        _print_errors(of_picture)
        yield from of_picture


def as_json(outcomes: Iterable[Outcome], entries: Entries) -> Iterator[Outcome]:
    """An object for each answer and each failure, in a line of its own."""
    for outcome in outcomes:
        for answer in outcome.answers:
            _write_json({"image": answer.image, **answer.body})
        if outcome.error:
            failure = {"success": False, "error": str(outcome.error), "status": outcome.error.status}
            _write_json({"image": outcome.picture.name, "model": outcome.model, **failure})
        yield outcome


def as_csv(outcomes: Iterable[Outcome], entries: Entries) -> Iterator[Outcome]:
    """A row for each answer and each failure; a column for each emotion, whatever the models' datasets call it."""
    emotions = sorted({emotion(label) for entry in entries.values() for label in entry["emotions"]})
    writer = csv.DictWriter(
        sys.stdout, ["image", "model", "top_emotion", "confidence", *emotions, "error"], lineterminator="\n"
    )
    writer.writeheader()
    for outcome in outcomes:
        rows = [_row(answer) for answer in outcome.answers] or [{"error": str(outcome.error or "no face is found")}]
        writer.writerows({"image": outcome.picture.name, "model": outcome.model, **row} for row in rows)
        yield outcome


def _row(answer: Answer) -> dict[str, Any]:
    probabilities = {emotion(label): probability for label, probability in answer.probabilities.items()}
    return {"top_emotion": answer.top, "confidence": answer.confidence, **probabilities}


def _write_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False), flush=True)


def _print_errors(outcomes: Sequence[Outcome]) -> None:
    for error in dict.fromkeys(str(outcome.error) for outcome in outcomes if outcome.error):
        print_error(error)
