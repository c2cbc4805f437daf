"""``python -m scripts.stack``: start, stop, reload and show the stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scripts.console import PatientConsole, new_app, run
from scripts.running import add_command
from scripts.stack import commands, containers

app = new_app(
    "Start, stop, reload and show the stack: TorchServe and the proxy before it. Settings come from the environment."
)

add_command(app, commands.start, console=PatientConsole)
add_command(app, commands.stop, "RUN_DIR", console=PatientConsole)
add_command(app, commands.status)
add_command(app, commands.reload, "RUN_DIR", "NGINX", console=PatientConsole)
add_command(app, commands.serve, console=PatientConsole)
add_command(app, commands.supervise, hidden=True)
add_command(app, containers.configure)
add_command(app, containers.torchserve, console=PatientConsole)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "python -m scripts.stack", argv)


if __name__ == "__main__":
    sys.exit(main())
