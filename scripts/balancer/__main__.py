"""``python -m scripts.balancer``: start, stop and show a balancer."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from scripts.balancer import commands
from scripts.console import PatientConsole, new_app, run
from scripts.running import running_settings
from scripts.settings import Settings

app = new_app("Start, stop and show a balancer before several nodes (NODES). Settings come from the environment.")


def _add(
    command: Callable[[Settings, Console], int], *needs: str, console: type[Console] = Console, hidden: bool = False
) -> None:
    def body() -> int:
        return command(running_settings(*needs), console(highlight=False))

    app.command(command.__name__, help=command.__doc__, hidden=hidden)(body)


_add(commands.start, console=PatientConsole)
_add(commands.serve, console=PatientConsole)
_add(commands.status)
_add(commands.stop, "RUN_DIR", console=PatientConsole)
_add(commands.configure)
_add(commands.supervise, hidden=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "python -m scripts.balancer", argv)


if __name__ == "__main__":
    sys.exit(main())
