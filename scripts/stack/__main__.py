"""``python -m scripts.stack``: start, stop, reload and show the stack."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from scripts.console import new_app, run
from scripts.settings import Settings, load_settings
from scripts.stack import commands

app = new_app(
    "Start, stop, reload and show the stack: TorchServe and the proxy before it. Settings come from the environment."
)


def _add(command: Callable[[Settings, Console], int], *, hidden: bool = False) -> None:
    def body() -> int:
        return command(load_settings(), Console(highlight=False))

    app.command(command.__name__, help=command.__doc__, hidden=hidden)(body)


for _command in (commands.start, commands.stop, commands.status, commands.reload, commands.serve):
    _add(_command)
_add(commands.supervise, hidden=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "python -m scripts.stack", argv)


if __name__ == "__main__":
    sys.exit(main())
