"""The options of the commands that ask the running service: where it is, whom to trust, the key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[str | None, typer.Option(help="Where the service is (default: from BIND_ADDRESS and PORT).")]
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
