"""The terminal: running a command, announcing what takes time, printing an error."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence

import typer
from rich.console import Console

from scripts.errors import INTERRUPTED, NOT_RUNNING, UserError

Announce = Callable[[str], None]


def examples(*lines: str) -> str:
    """The end of a command's help: command lines that a person may copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def new_app(description: str, *lines: str) -> typer.Typer:
    """A command line whose help begins with ``description`` and ends with the examples ``lines``.

    Functions are added with its ``command()``; a lone one has the help of its own.
    """
    return typer.Typer(
        help=description,
        epilog=examples(*lines) if lines else None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default this process's; ``name`` is what its help calls it.

    Returns the exit code: what the command's function returns, 2 for a wrong command line, 130 after Ctrl-C, else that
    of the UserError which ended it. With ``--json`` among the arguments the error is printed as JSON too.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return int(app(args=arguments, prog_name=name, standalone_mode=False) or 0)
    except typer.TyperException as error:
        show = getattr(error, "show", None)
        if show:
            show()
        return int(getattr(error, "exit_code", 1))
    except UserError as error:
        message = f"{error}; `make start` starts the stack" if error.exit_code == NOT_RUNNING else str(error)
        if "--json" in arguments:
            print(json.dumps({"error": message, "exit_code": error.exit_code}, ensure_ascii=False))
        print_error(message)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


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


@contextlib.contextmanager
def interruption_says(message: str) -> Iterator[None]:
    """Let Ctrl-C end the block with a sentence on what was left."""
    try:
        yield
    except KeyboardInterrupt:
        print_notice(message)
        raise
