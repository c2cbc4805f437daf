"""The arguments and options that several commands of ``scripts/models`` have."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.client.models import complete_model


# Typer parses defaults too, which are numbers already.
def count(given: str | int) -> int:
    """A whole number of 0 or more."""
    text = str(given)
    if not text.isascii() or not text.isdigit():
        raise typer.BadParameter(f"{text!r} is not a whole number of 0 or more")
    return int(text)


def seconds(given: str | float) -> float:
    """A time of 0 or more."""
    text = str(given)
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise typer.BadParameter(f"{text!r} is not a number of seconds")
    return found


Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", autocompletion=complete_model, help="A model, by the clients' name or TorchServe's."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[float, typer.Option(parser=seconds, metavar="SECONDS", help="For loading.")]
Patience = Annotated[
    float,
    typer.Option("--wait", parser=seconds, metavar="SECONDS", help="For another change that is under way; 0: refuse."),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check whether it may be done, and change nothing.")]
AskedBy = Annotated[str | None, typer.Option(hidden=True)]  # the name of the key of another machine
