"""``python -m scripts.stack``: start, stop, reload and show the stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from scripts.console import PatientConsole, new_app, run
from scripts.running import running_settings
from scripts.settings import Settings
from scripts.stack import commands, containers

app = new_app(
    "Start, stop, reload and show the stack: TorchServe and the proxy before it. Settings come from the environment."
)


def _add(
    command: Callable[[Settings, Console], int], *needs: str, console: type[Console] = Console, hidden: bool = False
) -> None:
    """``needs`` are the only settings that a command reads, if not all: what is wrong in another one stops no stop."""

    def body() -> int:
        return command(running_settings(*needs), console(highlight=False))

    app.command(command.__name__, help=command.__doc__, hidden=hidden)(body)


_add(commands.start, console=PatientConsole)
_add(commands.stop, "RUN_DIR", console=PatientConsole)
_add(commands.status)
_add(commands.reload, "RUN_DIR", "NGINX", console=PatientConsole)
_add(commands.serve, console=PatientConsole)
_add(commands.supervise, hidden=True)
_add(containers.configure)
_add(containers.torchserve, console=PatientConsole)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "python -m scripts.stack", argv)


if __name__ == "__main__":
    sys.exit(main())
