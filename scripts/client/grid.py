"""All models on one picture: a row for each architecture, a column for each dataset."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from scripts.client.outcomes import Outcome
from scripts.client.words import colour, percent
from scripts.labels import emotion


def grid(outcomes: Sequence[Outcome], entries: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    """The outcomes of one picture, one for each model; ``entries`` is what the service lists of the models.

    What has no architecture or dataset of its own, such as an ensemble, follows below.
    """
    cells: dict[tuple[str, str], Text] = {}
    others = []
    for outcome in outcomes:
        entry = entries[outcome.model]
        place = (entry.get("architecture"), entry.get("dataset"))
        if place[0] and place[1] and place not in cells:
            cells[str(place[0]), str(place[1])] = _cell(outcome)
        else:
            others.append(Text.assemble(f"{outcome.model}  ", _cell(outcome)))
    datasets = list(dict.fromkeys(dataset for _, dataset in cells))
    table = Table("", *datasets, box=None, pad_edge=False)
    for architecture in dict.fromkeys(architecture for architecture, _ in cells):
        table.add_row(architecture, *(cells.get((architecture, dataset), "") for dataset in datasets))
    return Group(table, *others, agreement(outcomes, entries))


def agreement(outcomes: Sequence[Outcome], entries: Mapping[str, Mapping[str, Any]]) -> str:
    """How many models say what most of them say; beside real checkpoints stand-ins do not count."""
    answered = [outcome for outcome in outcomes if outcome.answers]
    counted = [outcome for outcome in answered if not entries[outcome.model].get("stand_in")] or answered
    if not counted:
        return "No model answered."
    label, count = Counter(emotion(outcome.answers[0].top) for outcome in counted).most_common(1)[0]
    return f"{count} of {len(counted)} say {label}."


def _cell(outcome: Outcome) -> Text:
    if not outcome.answers:
        return Text(f"failed ({outcome.error.status})" if outcome.error and outcome.error.status else "failed", "red")
    answer = outcome.answers[0]
    return Text.assemble((f"{answer.top:<9}", colour(answer.top)), f" {percent(answer.confidence):>7}")
