"""Check the checkpoints in ``results/``."""

from __future__ import annotations

import argparse
import sys

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.catalogue import load_catalogue
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.reading import load_checkpoint
from scripts.console import print_error
from scripts.errors import UserError
from scripts.settings import load_settings


def main(argv: list[str] | None = None) -> int:
    """Check the checkpoint of every model of the catalogue; exit with 1 when one cannot be used."""
    argparse.ArgumentParser(prog="python -m scripts.checkpoints", description=main.__doc__).parse_args(argv)
    try:
        settings = load_settings()
        models = load_catalogue(settings.catalogue)
    except UserError as error:
        print_error(error)
        return error.exit_code
    table = Table("model", "checkpoint", "", title=f"Checkpoints in {settings.results_dir.name}/", title_justify="left")
    bad = 0
    for model in models.values():
        try:
            checkpoint = load_checkpoint(settings.results_dir / model.checkpoint_file, model)
        except CheckpointError as error:
            bad += 1
            table.add_row(model.name, "[red]unusable[/]", escape(str(error)))
        else:
            kind = "[yellow]stand-in[/]" if checkpoint.stand_in else "[green]good[/]"
            table.add_row(model.name, kind, escape(checkpoint.note))
    Console().print(table)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
