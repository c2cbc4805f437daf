"""The terminal: one way to announce what takes time, one to print an error."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console

Announce = Callable[[str], None]


def announcer(console: Console) -> Announce:
    """A function that prints a sentence before something that can take a while."""
    return lambda message: console.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)


def print_error(message: object) -> None:
    """Print why a command fails, to standard error."""
    errors = Console(stderr=True, highlight=False)
    errors.print(str(message), style="red", markup=False, soft_wrap=True)


def print_notice(message: str) -> None:
    """Print what a person should know although the command goes on, to standard error."""
    Console(stderr=True, highlight=False).print(message, style="yellow", markup=False, soft_wrap=True)
