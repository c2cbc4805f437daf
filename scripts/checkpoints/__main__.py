"""``python -m scripts.checkpoints``: check the checkpoints in ``results/``, or make stand-ins for missing ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from scripts.catalogue import load_catalogue
from scripts.checkpoints.stand_ins import StandInError, make_stand_ins
from scripts.console import PatientConsole, interruption_says, new_app, run
from scripts.errors import REFUSED
from scripts.files import cannot_write
from scripts.settings import load_settings

app = new_app("The checkpoints in results/; without a command they are checked.")
app.info.no_args_is_help = False


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> int:
    return check() if context.invoked_subcommand is None else 0


@app.command()
def check() -> int:
    """Check the checkpoint of every model of the catalogue; exit code 1 when one cannot be used."""
    from scripts.checkpoints import report  # imports torch

    settings, console = load_settings(), Console()
    bad = report.show_checkpoints(settings, console)
    report.show_near_misses(settings, console)
    return REFUSED if bad else 0


@app.command()
def adopt() -> int:
    """Link the files that are surely a model's, but have another name, under the right one; then check them all."""
    from scripts.checkpoints import report

    settings, console = load_settings(), PatientConsole()
    try:
        report.adopt_near_misses(settings, console)
    except OSError as error:
        raise StandInError(cannot_write(error, settings.results_dir)) from error
    return check()


@app.command()
def stand_ins() -> int:
    """Make a stand-in for every missing checkpoint; nothing is overwritten."""
    console, settings = PatientConsole(), load_settings()
    with interruption_says("Interrupted. Finished stand-ins stay."):
        try:
            made = make_stand_ins(settings, console)
        except OSError as error:
            raise StandInError(cannot_write(error, settings.results_dir, "RESULTS_DIR")) from error
    console.print(
        "They know drawn faces only: their answers about photographs mean nothing."
        if made
        else f"Nothing to make: {settings.results_dir.name}/ has a file for every model."
    )
    return 0


@app.command()
def fit_stand_ins(
    architecture: Annotated[list[str] | None, typer.Option(help="Train only this one's; repeatable.")] = None,
    epochs: Annotated[int, typer.Option(min=0, help="How often each face is seen; 0 only counts.")] = 32,
    faces: Annotated[int, typer.Option(min=1, help="How many held-out faces to count.")] = 210,
) -> int:
    """Teach the stand-ins to know drawn faces, for those who change the drawings; takes minutes.

    Writes scripts/checkpoints/known_faces.npz; exit code 1 when a stand-in names fewer than 90 % of them rightly.
    """
    from scripts.checkpoints import training  # imports torch

    console, settings = Console(), load_settings()
    unknown = sorted(set(architecture or ()) - set(training.SHAPES))
    if unknown:
        raise typer.BadParameter(f"{unknown[0]!r} has no narrow network; use one of {', '.join(training.SHAPES)}")
    for name in (architecture or list(training.SHAPES)) if epochs else ():
        training.teach(name, epochs, console.print)
    table, poor = Table("model", "held-out faces named rightly"), 0
    for model in filter(training.known_faces, load_catalogue(settings.catalogue).values()):
        right = training.count_right(model, faces)
        poor += right < faces * training.ENOUGH
        table.add_row(model.name, f"{right} of {faces}, {right / faces:.1%}")
    console.print(table)
    return REFUSED if poor else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    return run(app, "python -m scripts.checkpoints", argv)


if __name__ == "__main__":
    sys.exit(main())
