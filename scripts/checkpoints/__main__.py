"""``python -m scripts.checkpoints``: check the checkpoints in ``results/``, or make stand-ins for missing ones."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from scripts.checkpoints.stand_ins import StandInError, make_stand_ins
from scripts.console import interruption_says, new_app, run
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

    settings, console = load_settings(), Console()
    try:
        report.adopt_near_misses(settings, console)
    except OSError as error:
        raise StandInError(cannot_write(error, settings.results_dir)) from error
    return check()


@app.command()
def stand_ins() -> int:
    """Make an untrained stand-in for every missing checkpoint; nothing is overwritten."""
    console, settings = Console(), load_settings()
    with interruption_says("Interrupted. Finished stand-ins stay."):
        try:
            made = make_stand_ins(settings, console)
        except OSError as error:
            raise StandInError(cannot_write(error, settings.results_dir, "RESULTS_DIR")) from error
    if not made:
        console.print(f"Nothing to make: {settings.results_dir.name}/ has a file for every model.")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    return run(app, "python -m scripts.checkpoints", argv)


if __name__ == "__main__":
    sys.exit(main())
