"""The options of the commands that ask the running service: where it is, whom to trust, the key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.running import require_running
from scripts.settings import Settings, given_values

Url = Annotated[str | None, typer.Option(help="Where the service is (default: where this clone's stack listens).")]
Authority = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        exists=True,
        dir_okay=False,
        help="Certificate of the authority to trust (default: from REQUESTS_CA_BUNDLE, or the usual ones).",
    ),
]
Key = Annotated[
    str | None,
    typer.Option(envvar="API_KEY", show_envvar=True, help="Your key, where the service requires one."),
]


def own_address(settings: Settings) -> str:
    """The URL of this clone's stack. Raises NoStackError if it does not run, and nobody said where else to ask."""
    if not given_values(("PORT", "BIND_ADDRESS")):
        require_running(settings)
    return settings.url
