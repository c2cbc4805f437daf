"""Render and check the proxy's configuration."""

from __future__ import annotations

import sys

from scripts.console import print_error, while_read
from scripts.errors import UserError
from scripts.proxy.rendering import check, render
from scripts.settings import load_settings


def main() -> int:
    """Render and check the configuration of the stack that the environment describes."""
    try:
        settings = load_settings()
        path = render(settings)
        check(settings)
    except UserError as error:
        print_error(error)
        return error.exit_code
    print(f"{path} is valid.")
    return 0


if __name__ == "__main__":
    sys.exit(while_read(main))
