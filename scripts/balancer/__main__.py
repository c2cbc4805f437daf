"""``python -m scripts.balancer``: start, stop and show a balancer."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from scripts.balancer import commands
from scripts.console import PatientConsole, new_app, run
from scripts.running import add_command

app = new_app("Start, stop and show a balancer before several nodes (NODES). Settings come from the environment.")

add_command(app, commands.start, console=PatientConsole)
add_command(app, commands.serve, console=PatientConsole)
add_command(app, commands.status)
add_command(app, commands.stop, "RUN_DIR", console=PatientConsole)
add_command(app, commands.configure)
add_command(app, commands.supervise, hidden=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    return run(app, "python -m scripts.balancer", argv)


if __name__ == "__main__":
    sys.exit(main())
