"""The subcommands of ``scripts/models``."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape

from scripts.catalogue import load_catalogue
from scripts.lifecycle import listing
from scripts.lifecycle.changes import Change, Lifecycle, UnknownModelError
from scripts.proxy.management_keys import KeyNameError, add_key, read_keys, remove_key
from scripts.settings import Settings, load_settings
from scripts.store.index import read_index
from scripts.torchserve import worker_log
from scripts.torchserve.management import ManagementError
from scripts.torchserve.waiting import wait_ready


class Command:
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


def list_models(command: Command) -> int:
    """Show every model: state, versions, workers, queue, precision, archive, checksum."""
    settings = command.settings
    rows = listing.list_rows(settings, load_catalogue(settings.catalogue), read_index(settings.index_file))
    return command.answer([asdict(row) for row in rows], listing.table(rows))


def register(command: Command) -> int:
    """Register a model of the catalogue, or an archive of the model store."""
    change = command.lifecycle().register(command.options.model, command.options.workers, command.options.timeout)
    return command.changed(change, f"{change.model} {change.version} is registered with {change.workers} worker(s).")


def unregister(command: Command) -> int:
    """Remove a model, or one of its versions; its archive stays in the model store."""
    name = command.options.model
    versions = command.lifecycle().unregister(name, command.options.version)
    return command.answer({"model": name, "versions": versions}, f"{name} {', '.join(versions)} is unregistered.")


def scale(command: Command) -> int:
    """Change a model's number of workers; without any, its next request starts one."""
    options = command.options
    change = command.lifecycle().scale(options.model, options.workers, options.version, options.timeout)
    return command.changed(change, f"{change.model} {change.version} has {change.workers} worker(s).")


def upgrade(command: Command) -> int:
    """Replace the version that serves by the one in ARCHIVE, without a failed request."""
    options = command.options
    change = command.lifecycle().upgrade(options.model, options.archive, options.timeout)
    return command.changed(
        change,
        f"{change.model} {change.version} serves; `scripts/models rollback {change.model}` returns to {change.before}.",
    )


def rollback(command: Command) -> int:
    """Go back to the version that served before."""
    change = command.lifecycle().rollback(command.options.model, command.options.timeout)
    return command.changed(change, f"{change.model} {change.version} serves again, instead of {change.before}.")


def wait(command: Command) -> int:
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


def logs(command: Command) -> int:
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


def key(command: Command) -> int:
    """Make, list or remove the keys of remote management (MANAGEMENT_LISTEN)."""
    action, name = command.options.action, command.options.name
    if action == "list":
        keys = read_keys(command.settings)
        made = {name: entry["made"] for name, entry in keys.items()}
        return command.answer(made, "\n".join(f"{time}  {name}" for name, time in made.items()) or "There are no keys.")
    if not name:
        raise KeyNameError(f"give the key to {action} a name")
    if action == "add":
        secret = add_key(command.settings, name)
        return command.answer({"name": name, "key": secret}, f"{secret}\nThis is the only time the key is shown.")
    remove_key(command.settings, name)
    return command.answer({"name": name}, f"The key {name} is refused from now on.")


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
