"""The models of a running stack, from the command line: ``scripts/models --help``, docs/models.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from scripts.console import print_error
from scripts.errors import INTERRUPTED, NOT_RUNNING, UserError
from scripts.lifecycle import commands
from scripts.lifecycle.changes import LOAD_SECONDS
from scripts.lifecycle.commands import Command

EXIT_CODES = """exit codes:
  0  done
  1  refused, nothing was changed: the archive, its checksum or the setting is wrong, or TorchServe says no
  2  the command line is wrong
  3  the version does not load or fails its probe; nothing was changed
  4  the stack does not run
  5  not ready in time
  6  no such model, or no such version of it"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="models", description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON")
    patient = argparse.ArgumentParser(add_help=False)
    patient.add_argument("--timeout", type=_seconds, default=LOAD_SECONDS, metavar="SECONDS", help="for loading")
    actions = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        function: Callable[[Command], int], name: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = actions.add_parser(name, parents=[common, *parents], help=function.__doc__, description=function.__doc__)
        made.set_defaults(run=function)
        return made

    add(commands.list_models, "list")
    made = add(commands.register, "register", patient)
    made.add_argument("model", metavar="NAME|ARCHIVE", help="a model of models.json, or an archive's file name")
    made.add_argument("--workers", type=_count, default=1)
    made = add(commands.unregister, "unregister")
    made.add_argument("model", metavar="NAME")
    made.add_argument("--version", help="only this version; the one that serves can only go with all others")
    made = add(commands.scale, "scale", patient)
    made.add_argument("model", metavar="NAME")
    made.add_argument("workers", type=_count, metavar="WORKERS")
    made.add_argument("--version", help="default: the version that serves")
    made = add(commands.upgrade, "upgrade", patient)
    made.add_argument("model", metavar="NAME")
    made.add_argument("archive", metavar="ARCHIVE", help="file name in the model store")
    add(commands.rollback, "rollback", patient).add_argument("model", metavar="NAME")
    made = add(commands.logs, "logs")
    made.add_argument("model", nargs="?", metavar="NAME")
    made.add_argument("-n", "--lines", type=_count, default=50)
    made.add_argument("-f", "--follow", action="store_true", help="go on with what follows, until Ctrl-C")
    made = add(commands.key, "key")
    made.add_argument("action", choices=("add", "list", "remove"))
    made.add_argument("name", nargs="?", metavar="NAME", help="who the key is for")
    add(commands.wait, "wait", patient).add_argument("models", nargs="*", metavar="NAME")
    return parser


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of 0 or more")
    return int(text)


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 <= seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no time")
    return seconds


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(Command(options))
        return code
    except KeyboardInterrupt:
        return INTERRUPTED
    except UserError as error:
        running = error.exit_code != NOT_RUNNING
        message = str(error) if running else f"{error}; `make start` starts the stack"
        if options.json:
            print(json.dumps({"error": message, "exit_code": error.exit_code}, ensure_ascii=False))
        print_error(message)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main())
