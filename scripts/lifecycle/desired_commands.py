"""``scripts/models apply`` and ``export``: what runs as a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from scripts.catalogue import load_catalogue
from scripts.console import print_error
from scripts.errors import UserError
from scripts.lifecycle.answers import Answers
from scripts.lifecycle.applying import Applying, Step, carry_out
from scripts.lifecycle.desired import read_wishes, written
from scripts.lifecycle.listing import Row, list_rows
from scripts.lifecycle.options import Json, Patience, Timeout
from scripts.lifecycle.plans import LOAD_SECONDS
from scripts.store.index import read_index


def apply(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="YAML, as `export` writes it.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be changed, and change nothing.")] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Unregister models that are not in FILE.")] = False,
    timeout: Timeout = LOAD_SECONDS,
    patience: Patience = 0.0,
    as_json: Json = False,
) -> int:
    """Bring models to the versions and workers that a file says; each by itself, the others go on if one fails."""
    answers, wishes = Answers(as_json, patience), read_wishes(file)
    failures: dict[str, UserError] = {}
    done: list[Step] = []
    for step in Applying(answers.lifecycle, _rows(answers), timeout).steps(wishes, prune=prune):
        error = step.error if dry_run else carry_out(step)
        done.append(step)
        if error:
            failures[step.model] = error
    said = [{"model": step.model, "change": step.text[0], "text": step.text[2:]} for step in done]
    for entry in said:
        if entry["model"] in failures:
            entry["error"] = str(failures[entry["model"]])
    answers.print(said, escape("\n".join(step.text for step in done if step.error is None)))
    for name, error in failures.items():
        print_error(f"{name}: {error}")
    return next((error.exit_code for error in failures.values()), 0)


def export(as_json: Json = False) -> int:
    """Print what runs as such a file; `apply` brings this stack, or another one, to it."""
    answers = Answers(as_json)
    text = written(_rows(answers))
    return answers.print({"file": text}, escape(text.rstrip("\n")))


def _rows(answers: Answers) -> list[Row]:
    _ = answers.lifecycle  # a stack must run
    settings = answers.settings
    return list_rows(settings, load_catalogue(settings.catalogue), read_index(settings.index_file))
