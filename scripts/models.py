"""The models of a running stack, from the command line: ``scripts/models --help``, docs/models.md."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from scripts import listing, worker_log
from scripts.archive_file import ArchiveError
from scripts.catalogue import CatalogueError, load_catalogue
from scripts.index import read_index
from scripts.inference import InferenceError
from scripts.lifecycle import LOAD_SECONDS, Change, Lifecycle, LifecycleError, UnknownModelError
from scripts.loading import NotLoadedError, WaitingError, wait_ready
from scripts.management import ManagementError
from scripts.settings import Settings, SettingsError, load_settings

REFUSED, USAGE, NOT_LOADED, NOT_RUNNING, LATE, UNKNOWN = 1, 2, 3, 4, 5, 6
EXIT_CODES = """exit codes:
  0  done
  1  refused, nothing was changed: the archive, its checksum or the setting is wrong, or TorchServe says no
  2  the command line is wrong
  3  the version does not load or fails its probe; nothing was changed
  4  the stack does not run
  5  not ready in time
  6  no such model, or no such version of it"""


class _Command:
    """One run of the command: what it was asked, and how it answers."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.settings: Settings = load_settings()
        # A pipe has no width of its own; the table's lines must stay whole there.
        self._out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)

    def lifecycle(self) -> Lifecycle:
        """Progress goes to stderr, so that ``--json`` stays alone on stdout."""
        return Lifecycle(self.settings, lambda sentence: self._err.print(f"{sentence} …", style="dim", markup=False))

    def answer(self, value: Any, text: object) -> int:
        """Print the result: ``value`` with --json, else ``text``."""
        if self.options.json:
            print(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            self._out.print(text)
        return 0

    def changed(self, change: Change, sentence: str) -> int:
        """Print what was done, and what a client will not see of it."""
        if change.model not in load_catalogue(self.settings.catalogue):
            self._err.print(f"{change.model} is not in {self.settings.catalogue.name}: clients cannot ask for it yet.")
        return self.answer(asdict(change), escape(sentence))


def list_models(command: _Command) -> int:
    """Show every model: state, versions, workers, queue, precision, archive, checksum."""
    settings = command.settings
    rows = listing.list_rows(settings, load_catalogue(settings.catalogue), read_index(settings.index_file))
    return command.answer([asdict(row) for row in rows], listing.table(rows))


def register(command: _Command) -> int:
    """Register a model of the catalogue, or an archive of the model store."""
    change = command.lifecycle().register(command.options.model, command.options.workers, command.options.timeout)
    return command.changed(change, f"{change.model} {change.version} is registered with {change.workers} worker(s).")


def unregister(command: _Command) -> int:
    """Remove a model, or one of its versions; its archive stays in the model store."""
    name = command.options.model
    versions = command.lifecycle().unregister(name, command.options.version)
    return command.answer({"model": name, "versions": versions}, f"{name} {', '.join(versions)} is unregistered.")


def scale(command: _Command) -> int:
    """Change a model's number of workers; without any, its next request starts one."""
    options = command.options
    change = command.lifecycle().scale(options.model, options.workers, options.version, options.timeout)
    return command.changed(change, f"{change.model} {change.version} has {change.workers} worker(s).")


def upgrade(command: _Command) -> int:
    """Replace the version that serves by the one in ARCHIVE, without a failed request."""
    options = command.options
    change = command.lifecycle().upgrade(options.model, options.archive, options.timeout)
    return command.changed(
        change,
        f"{change.model} {change.version} serves; `scripts/models rollback {change.model}` returns to {change.before}.",
    )


def rollback(command: _Command) -> int:
    """Go back to the version that served before."""
    change = command.lifecycle().rollback(command.options.model, command.options.timeout)
    return command.changed(change, f"{change.model} {change.version} serves again, instead of {change.before}.")


def wait(command: _Command) -> int:
    """Wait until models are READY; by default all that have workers."""
    deadline = time.monotonic() + command.options.timeout
    lifecycle = command.lifecycle()
    names = command.options.models or _names_with_workers(lifecycle, deadline)
    for name in names:
        state = lifecycle.versions(name)[0]
        seconds = max(0.0, deadline - time.monotonic())
        workers = max(1, state.min_workers)
        wait_ready(lifecycle.management, command.settings, state.archive_name, state.version, workers, seconds)
    return command.answer({"ready": names}, f"{', '.join(names) or 'No model'} is ready.")


def logs(command: _Command) -> int:
    """Show what TorchServe and its workers logged, of all models or of one."""
    options = command.options
    files = worker_log.log_files(command.settings)
    wanted = worker_log.belongs_to(command.lifecycle().archive_name(options.model)) if options.model else bool
    lines = sorted(line for path in files for line in worker_log.tail(path, options.lines, wanted))
    for line in lines[-options.lines :]:
        print(json.dumps({"line": line}) if options.json else line)
    if options.follow:
        _follow([str(path) for path in files], wanted, options.json)
    return 0


def _follow(files: list[str], wanted: Callable[[str], bool], as_json: bool) -> None:
    tail = subprocess.Popen(["tail", "-q", "-n", "0", "-F", *files], stdout=subprocess.PIPE, text=True)
    try:
        for line in tail.stdout or ():
            if wanted(line):
                print(json.dumps({"line": line.rstrip("\n")}) if as_json else line.rstrip("\n"), flush=True)
    finally:
        tail.kill()
        tail.wait()


def _names_with_workers(lifecycle: Lifecycle, deadline: float) -> list[str]:
    """The models that should be READY, as soon as TorchServe can tell."""
    while True:
        try:
            names = lifecycle.management.names()
            states = [lifecycle.versions(name)[0] for name in names]
            return [lifecycle.contract_name(state.archive_name) for state in states if state.min_workers]
        except (ManagementError, UnknownModelError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="models", description=__doc__, epilog=EXIT_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON")
    patient = argparse.ArgumentParser(add_help=False)
    patient.add_argument("--timeout", type=_seconds, default=LOAD_SECONDS, metavar="SECONDS", help="for loading")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(
        function: Callable[[_Command], int], name: str, *parents: argparse.ArgumentParser
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, parents=[common, *parents], help=function.__doc__, description=function.__doc__
        )
        made.set_defaults(run=function)
        return made

    add(list_models, "list")
    made = add(register, "register", patient)
    made.add_argument("model", metavar="NAME|ARCHIVE", help="a model of models.json, or an archive's file name")
    made.add_argument("--workers", type=_count, default=1)
    made = add(unregister, "unregister")
    made.add_argument("model", metavar="NAME")
    made.add_argument("--version", help="only this version; the one that serves can only go with all others")
    made = add(scale, "scale", patient)
    made.add_argument("model", metavar="NAME")
    made.add_argument("workers", type=_count, metavar="WORKERS")
    made.add_argument("--version", help="default: the version that serves")
    made = add(upgrade, "upgrade", patient)
    made.add_argument("model", metavar="NAME")
    made.add_argument("archive", metavar="ARCHIVE", help="file name in the model store")
    add(rollback, "rollback", patient).add_argument("model", metavar="NAME")
    made = add(logs, "logs")
    made.add_argument("model", nargs="?", metavar="NAME")
    made.add_argument("-n", "--lines", type=_count, default=50)
    made.add_argument("-f", "--follow", action="store_true", help="go on with what follows, until Ctrl-C")
    add(wait, "wait", patient).add_argument("models", nargs="*", metavar="NAME")
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


def _code(error: Exception) -> int:
    if isinstance(error, ManagementError):
        return REFUSED if error.status else NOT_RUNNING
    kinds: dict[type[Exception], int] = {
        NotLoadedError: NOT_LOADED,
        InferenceError: NOT_LOADED,
        WaitingError: LATE,
        UnknownModelError: UNKNOWN,
    }
    return kinds.get(type(error), REFUSED)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    options = _parser().parse_args(argv)
    try:
        code: int = options.run(_Command(options))
        return code
    except KeyboardInterrupt:
        return 130
    except (
        *(SettingsError, CatalogueError, LifecycleError, ArchiveError),
        *(NotLoadedError, InferenceError, WaitingError, ManagementError),
    ) as error:
        code = _code(error)
        sentence = f"{error}; `make start` starts the stack" if code == NOT_RUNNING else str(error)
        if options.json:
            print(json.dumps({"error": sentence, "exit_code": code}, ensure_ascii=False))
        Console(stderr=True, highlight=False).print(sentence, style="red", markup=False, soft_wrap=True)
        return code


if __name__ == "__main__":
    sys.exit(main())
