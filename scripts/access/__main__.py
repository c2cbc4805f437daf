"""``scripts/keys``: the keys of the apps that use the service."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from scripts.access.apps import app_keys
from scripts.access.commands import KeyName, new_key_app
from scripts.console import examples, print_notice, run
from scripts.running import running_settings
from scripts.settings import Settings


def _say_if_not_required(settings: Settings) -> None:
    if not settings.keys_required:
        print_notice("With these settings nobody is asked for a key; a start with ALLOW_ANONYMOUS=0 asks for one.")


app = new_key_app(
    "Make, list, limit or remove the keys of the apps that use the service.",
    "scripts/keys add phone-app",
    "scripts/keys limit phone-app --requests 8 --rate 20",
    "scripts/keys list",
    "scripts/keys remove phone-app",
    file=app_keys,
    after=_say_if_not_required,
    command="scripts/keys",
    completion=True,
)


@app.command(epilog=examples("scripts/keys limit phone-app --requests 8 --rate 20"))
def limit(
    name: KeyName,
    requests: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Predictions under way.")] = 0,
    rate: Annotated[int, typer.Option(metavar="NUMBER", min=0, help="Predictions a second.")] = 0,
) -> int:
    """Give a key limits of its own in place of CLIENT_REQUESTS and RATE_LIMIT; without any, those hold again."""
    app_keys(running_settings()).limit(name, requests, rate)
    print(f"The key {name} has " + ("its own limits." if requests or rate else "the limits of all keys."))
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "scripts/keys", argv)


if __name__ == "__main__":
    sys.exit(main())
