"""What ``make checkpoints`` says of the files in ``results/``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.catalogue import load_catalogue
from scripts.checkpoints.adoption import NearMiss, adopt, examine
from scripts.checkpoints.digest_files import refuse_wrong_digest
from scripts.checkpoints.file_types import CheckpointError, refuse_other_files
from scripts.checkpoints.reading import load_checkpoint
from scripts.files import sha256
from scripts.settings import Settings
from scripts.store.digests import known_digest


def show_checkpoints(settings: Settings, console: Console) -> int:
    """Check the checkpoint of every model and print a table; returns how many cannot be used."""
    table = Table("model", "checkpoint", "", title=f"Checkpoints in {settings.results_dir.name}/", title_justify="left")
    bad = 0
    for model in load_catalogue(settings.catalogue).values():
        path = settings.results_dir / model.checkpoint_file
        try:
            refuse_other_files(path)
            refuse_wrong_digest(path, partial(_digest, settings, path))
            checkpoint = load_checkpoint(path, model)
        except CheckpointError as error:
            bad += 1
            table.add_row(model.name, "[red]unusable[/]", escape(str(error)))
        else:
            kind = "[yellow]stand-in[/]" if checkpoint.stand_in else "[green]good[/]"
            table.add_row(model.name, kind, escape(checkpoint.note))
    console.print(table)
    return bad


def show_near_misses(settings: Settings, console: Console) -> None:
    """Print the files that look like checkpoints under other names, and the command that takes them."""
    misses = examine(settings)
    if not misses:
        return
    table = Table(title="Not used", title_justify="left")
    for heading in ("file", "seems to be for", "its weights", ""):
        table.add_column(heading, overflow="fold")
    for miss in misses:
        remark = escape(miss.obstacle) or "[yellow]can be taken[/]"
        names = ", ".join(model.name for model in miss.models) or "no model"
        table.add_row(escape(str(miss.path.relative_to(settings.results_dir))), escape(names), miss.weights, remark)
    console.print(table)
    sure = _sure(misses)
    if sure:
        console.print(
            f"[bold]make checkpoints ADOPT=1[/] links {len(sure)} of {len(misses)} under the right "
            f"name{'s' if len(sure) > 1 else ''}; the files themselves stay as they are."
        )


def adopt_near_misses(settings: Settings, console: Console) -> None:
    """Take the files that are surely a model's and print what was done. Raises OSError if it cannot be done."""
    sure = _sure(examine(settings))
    done = adopt(settings, sure) if sure else [f"Nothing in {settings.results_dir.name}/ can be taken."]
    for sentence in done:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)


def _digest(settings: Settings, path: Path) -> str:
    return known_digest(settings.model_store, path) or sha256(path)


def _sure(misses: Sequence[NearMiss]) -> list[NearMiss]:
    return [miss for miss in misses if not miss.obstacle]
