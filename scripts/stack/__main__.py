"""Start, stop and show the stack: TorchServe and the proxy in front of it.

``python -m scripts.stack start`` leaves it in the background, ``serve`` stays in the foreground with the logs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from rich.console import Console

from scripts.console import print_error
from scripts.errors import INTERRUPTED, UserError
from scripts.settings import Settings, load_settings
from scripts.stack import commands

COMMANDS: dict[str, Callable[[Settings, Console], int]] = {
    "start": commands.start,
    "stop": commands.stop,
    "status": commands.status,
    "serve": commands.serve,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    parser = argparse.ArgumentParser(prog="stack", description="Start, stop and show the stack.")
    parser.add_argument("command", choices=COMMANDS)
    arguments = parser.parse_args(argv)
    try:
        return COMMANDS[arguments.command](load_settings(), Console(highlight=False))
    except UserError as error:
        print_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
