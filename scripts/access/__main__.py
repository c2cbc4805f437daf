"""``scripts/keys``: the keys of the apps that use the service."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scripts.access.apps import app_keys
from scripts.access.commands import new_key_app
from scripts.console import print_notice, run
from scripts.settings import Settings


def _say_if_not_required(settings: Settings) -> None:
    if not settings.keys_required:
        print_notice("With these settings nobody is asked for a key; a start with ALLOW_ANONYMOUS=0 asks for one.")


app = new_key_app(
    "Make, list or remove the keys of the apps that use the service.",
    "scripts/keys add phone-app",
    "scripts/keys list",
    "scripts/keys remove phone-app",
    file=app_keys,
    after=_say_if_not_required,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "keys", argv)


if __name__ == "__main__":
    sys.exit(main())
