"""``python -m scripts.archives``: pack the checkpoints in ``results/`` into ``model_store/``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from scripts.archives.build import build_all
from scripts.archives.versions import FIRST_VERSION
from scripts.console import PatientConsole, examples, interruption_says, new_app, run
from scripts.errors import REFUSED
from scripts.settings import RUNTIMES, load_settings
from scripts.signals import obey_signals

app = new_app(
    "Pack the checkpoints into archives; only what changed is built. Exit code 1 when one failed or was refused."
)


def _runtime(text: str) -> str:
    if text not in RUNTIMES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(RUNTIMES)}")
    return text


@app.command(
    epilog=examples(
        "python -m scripts.archives --model VGG19_CK+48",
        "python -m scripts.archives --archive-version 2.0",
        "python -m scripts.archives --force --jobs 1",
    )
)
def archives(
    model: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Only this model; repeatable.")] = None,
    archive_version: Annotated[
        str | None,
        typer.Option(
            metavar="VERSION",
            help=f"Of what is built. Default: as before, {FIRST_VERSION} at first; the next one if that has served.",
        ),
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(parser=_runtime, metavar="|".join(RUNTIMES), help="Default: the setting RUNTIME.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Build also what did not change.")] = False,
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY", help="Sign the archives with this private key (docs/supply-chain.md).")
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="Archives at a time; default: by cores and memory.")
    ] = None,
) -> int:
    """Pack the checkpoints into archives; only what changed is built. Exit code 1 when one failed or was refused."""
    with interruption_says("Interrupted. Finished archives stay, the others are as before."):
        results = build_all(
            load_settings(),
            PatientConsole(),
            names=model or (),
            version=archive_version,
            runtime=runtime,
            force=force,
            jobs=jobs,
            sign=sign,
        )
    return REFUSED if any(result.outcome in ("failed", "refused") for result in results.values()) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Build; returns the exit code."""
    return run(app, "python -m scripts.archives", argv)


if __name__ == "__main__":
    obey_signals()
    sys.exit(main())
