"""``scripts/models``: the models of a running stack, from the command line (docs/models.md)."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scripts.console import run
from scripts.lifecycle.commands import app
from scripts.signals import obey_signals


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "scripts/models", argv)


if __name__ == "__main__":
    obey_signals()
    sys.exit(main())
