"""The option that names models, completed from the catalogue by a shell."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.catalogue import load_catalogue
from scripts.ensembles import load_ensembles
from scripts.errors import UserError
from scripts.running import running_settings


def complete_model(incomplete: str) -> list[str]:
    """The names in models.json that begin with what was typed; none where the settings cannot be read."""
    try:
        file = running_settings("CATALOGUE").catalogue
        names = [*load_catalogue(file), *load_ensembles(file)]
    except UserError:
        return []
    return [name for name in names if name.startswith(incomplete)]


Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        autocompletion=complete_model,
        help="A model; repeat for several (default: the first).",
    ),
]
