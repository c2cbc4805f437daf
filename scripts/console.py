"""The terminal: running a command, announcing what takes time, printing an error."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from scripts.errors import INTERRUPTED, NOT_RUNNING, OUTPUT_CLOSED, UserError

Announce = Callable[[str], None]


class PatientConsole(Console):
    """A console whose command goes on when nobody reads it any more, as in ``make start | head``."""

    def on_broken_pipe(self) -> None:
        """Let the rest go nowhere."""
        discard(self.file)


def discard(stream: IO[str]) -> None:
    """Let a stream that was closed go nowhere from now on, with what is still buffered.

    https://docs.python.org/3/library/signal.html#note-on-sigpipe
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def while_read(work: Callable[[], int]) -> int:
    """Do ``work``, which returns an exit code; 141 if it ended because standard output was closed."""
    try:
        code = work()
    except (BrokenPipeError, SystemExit) as error:
        # Rich and Typer end the process in their own ways when a pipe is closed.
        if not isinstance(error, BrokenPipeError) and not isinstance(error.__context__, BrokenPipeError):
            raise
        code = OUTPUT_CLOSED
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            discard(stream)
            code = code or (OUTPUT_CLOSED if stream is sys.stdout else 0)
    return code


class _Group(TyperGroup):
    """A command with subcommands; its help shows the first sentence about each of them uncut."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, command.get_short_help_str(sys.maxsize)) for name, command in commands if command]
            )


def examples(*lines: str) -> str:
    """The end of a command's help: command lines that a person may copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def new_app(description: str, *lines: str, completion: bool = False) -> typer.Typer:
    """A command line whose help begins with ``description`` and ends with the examples ``lines``.

    Functions are added with its ``command()``; a lone one has the help of its own. ``completion`` adds the options that
    set up a shell's completion, which needs a command of one word.
    """
    return typer.Typer(
        cls=_Group,
        help=description,
        epilog=examples(*lines) if lines else None,
        no_args_is_help=True,
        add_completion=completion,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )


def run(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> int:
    """Run a command line, by default this process's; ``name`` is what a person types to run it.

    Returns the exit code: what the command's function returns, 2 for a wrong command line, 130 after Ctrl-C, 141 when
    standard output was closed (as in ``… | head``), else that of the UserError which ended it. With
    ``--json`` among the arguments the error is printed as JSON too.
    """
    os.umask(os.umask(0o077) | 0o002)  # strangers never write what a stack runs, whatever umask the caller has
    arguments = list(sys.argv[1:] if argv is None else argv)
    return while_read(lambda: _run(app, name, arguments))


def _run(app: typer.Typer, name: str, arguments: list[str]) -> int:
    # A shell knows what it completes by the last part of the path, and passes what it wants in a variable.
    file_name = name.rpartition("/")[2]
    variable = f"_{file_name.upper()}_COMPLETE"
    prog_name = file_name if arguments[:1] and "completion" in arguments[0] else name
    try:
        return int(app(args=arguments, prog_name=prog_name, complete_var=variable, standalone_mode=False) or 0)
    except typer.TyperException as error:
        show = getattr(error, "show", None)
        if show:
            with contextlib.suppress(BrokenPipeError):
                show()
        return int(getattr(error, "exit_code", 1))
    except UserError as error:
        remedy = (
            "" if error.exit_code != NOT_RUNNING or "make start" in str(error) else "; `make start` starts the stack"
        )
        message = f"{error}{remedy}"
        if "--json" in arguments:
            print(json.dumps({"error": message, "exit_code": error.exit_code}, ensure_ascii=False))
        print_error(message)
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED


def announcer(console: Console) -> Announce:
    """A function that prints a message before something that can take a while."""
    return lambda message: console.print(message, style="yellow", markup=False, highlight=False, soft_wrap=True)


def error_console(**options: Any) -> Console:
    """A console on standard error; that nobody reads it ends no command."""
    return PatientConsole(stderr=True, highlight=False, **options)


def print_error(message: object) -> None:
    """Print why a command fails, to standard error."""
    error_console().print(str(message), style="red", markup=False, soft_wrap=True)


def print_notice(message: str) -> None:
    """Print what a person should know although the command continues, to standard error."""
    error_console().print(message, style="yellow", markup=False, soft_wrap=True)


@contextlib.contextmanager
def interruption_says(message: str) -> Iterator[None]:
    """Let Ctrl-C end the block with a message on what is left."""
    try:
        yield
    except KeyboardInterrupt:
        print_notice(message)
        raise
