"""Errors for the person at the terminal: a message that names the value and the remedy, and an exit code."""

from __future__ import annotations

from typing import Final

# The exit codes of every command; docs/models.md lists them.
REFUSED: Final = 1
USAGE: Final = 2
NOT_LOADED: Final = 3
NOT_RUNNING: Final = 4
LATE: Final = 5
UNKNOWN: Final = 6
MIXED: Final = 7
INTERRUPTED: Final = 130
OUTPUT_CLOSED: Final = 141  # as a shell reports a command that SIGPIPE ended


class UserError(Exception):
    """What was asked for cannot be done. Commands print the message alone, and end with ``exit_code``."""

    exit_code = REFUSED
