"""Start, stop and show the stack: TorchServe and the proxy in front of it.

``python -m scripts.stack start`` leaves it in the background, ``serve`` stays in the foreground with the logs.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence

from rich.console import Console

from scripts import archives, proxy, readiness, restore, torchserve
from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.index import IndexEntry, read_index, write_index
from scripts.locking import LockedError, exclusive
from scripts.processes import ProcessRecord, read_records, taken_ports, wait_until, write_records
from scripts.settings import Settings, SettingsError, load_settings

STOP_SECONDS = 10.0


class StackError(RuntimeError):
    """The stack cannot do what was asked; the message says why and what to do."""


# What ends a command with its sentence and nothing else.
REFUSALS = (
    StackError,
    LockedError,
    SettingsError,
    CatalogueError,
    archives.BuildError,
    torchserve.TorchServeError,
    proxy.ProxyError,
)


class Stack:
    """The stack that ``settings`` describe, running or not; ``started`` once ``start`` was called here."""

    started = False

    def __init__(self, settings: Settings, console: Console) -> None:
        self.settings = settings
        self.console = console
        self._record_file = settings.run_dir / "stack.json"

    @property
    def records(self) -> dict[str, ProcessRecord]:
        """The processes of the last start that still run."""
        return {name: record for name, record in read_records(self._record_file).items() if record.alive}

    def refuse_second_start(self) -> None:
        """Raise StackError when something of this stack, or of another on its ports, runs already."""
        alive = self.records
        if {"torchserve", "proxy"} <= alive.keys():
            raise StackError(f"runs already at {self.settings.url}; `make status` shows it, `make stop` ends it")
        if alive:
            name, record = next(iter(alive.items()))
            raise StackError(f"half of the stack runs ({name}, process {record.pid}): `make stop`, then start again")
        for name, port in self.settings.ports.items():
            address = self.settings.bind_address if name == "PORT" else "127.0.0.1"
            if taken_ports([port], address):
                raise StackError(f"{name}={port}: the port is taken; free it or set another, as in `{name}={port + 1}`")
        address, _, number = self.settings.management_listen.rpartition(":")
        if number and taken_ports([int(number)], address.strip("[]")):
            raise StackError(f"MANAGEMENT_LISTEN={address}:{number}: cannot be listened on; free it or set another")

    def start(self, plan: restore.Plan) -> None:
        """Start both processes and register the models of ``plan``, which load meanwhile."""
        self.started = True
        self._clear_leftovers()
        restore.record(self.settings, plan, done=False)
        records: dict[str, ProcessRecord] = {}
        try:
            records["torchserve"] = ProcessRecord.of(torchserve.start(self.settings))
            write_records(self._record_file, records)
            records["proxy"] = ProcessRecord.of(self._start_proxy())
            write_records(self._record_file, records)
            with self.console.status("Registering the models"):
                folders = restore.unpack(self.settings, plan)
                readiness.wait_for_answer(self.settings, lambda: "torchserve" in self.records)
                restore.register(self.settings, plan, folders)
            restore.record(self.settings, plan, done=True)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> list[str]:
        """Stop what runs, the proxy first so that it finishes its requests. Returns the names of what was stopped."""
        alive = self.records
        for name, number in (("proxy", signal.SIGQUIT), ("torchserve", signal.SIGTERM)):
            if name in alive:
                alive[name].stop(number, STOP_SECONDS)
        self._clear_leftovers()
        return list(alive)

    def _start_proxy(self) -> int:
        proxy.put_large_log_aside(self.settings)
        proxy.render(self.settings)
        proxy.check(self.settings)
        log = (self.settings.log_dir / "proxy-start.log").open("wb")
        with log:
            process = subprocess.Popen(
                proxy.command(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not wait_until(lambda: not _free(self.settings) or process.poll() is not None, STOP_SECONDS):
            raise StackError(f"the proxy does not listen on port {self.settings.port}")
        if process.poll() is not None:
            raise StackError(f"the proxy ended: {torchserve.last_lines(self.settings.log_dir / 'proxy-start.log')}")
        return process.pid

    def _clear_leftovers(self) -> None:
        self._record_file.unlink(missing_ok=True)
        shutil.rmtree(torchserve.temporary_dir(self.settings), ignore_errors=True)


def _free(settings: Settings) -> bool:
    return not taken_ports([settings.port], settings.bind_address)


def servable(settings: Settings, catalogue: dict[str, Model]) -> dict[str, IndexEntry]:
    """The index after the archives' checksums were verified; a wrong one sets the entry's error."""
    entries = read_index(settings.index_file)
    wrong = {name: error for name, error in archives.verify_checksums(settings).items() if error}
    for name, error in wrong.items():
        entries[name]["error"] = error
    if wrong:
        write_index(settings.index_file, entries)
    return {name: entries[name] for name in catalogue if name in entries}


def models_to_load(settings: Settings, catalogue: dict[str, Model]) -> list[Model] | None:
    """The models LOAD_MODELS names, None if it is not set. Raises SettingsError for one not in the catalogue."""
    if not settings.load_models:
        return None
    if settings.load_models in ("all", "none"):
        return list(catalogue.values()) if settings.load_models == "all" else []
    names = [name.strip() for name in settings.load_models.split(",") if name.strip()]
    for name in names:
        if name not in catalogue:
            raise SettingsError(
                f"LOAD_MODELS: {name!r} is not in {settings.catalogue.name}; it has {', '.join(catalogue)}"
            )
    return [catalogue[name] for name in names]


def start(settings: Settings, console: Console) -> int:
    """Build what is missing, start the stack and wait for its models.

    Returns 0 when every model that should serve is READY, 3 when the stack runs without some of them.
    """
    return _start(Stack(settings, console))


def _start(stack: Stack) -> int:
    settings, console = stack.settings, stack.console
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.run_dir):
        stack.refuse_second_start()
        catalogue = load_catalogue(settings.catalogue)
        wanted = models_to_load(settings, catalogue)
        archives.build_all(settings, console)
        entries = servable(settings, catalogue)
        plan = restore.plan_start(settings, catalogue, entries, wanted)
        stack.start(plan)
    try:
        loaded = [model for model in catalogue.values() if plan.workers(model.archive_name)]
        outcome = readiness.wait(settings, loaded, lambda: "torchserve" in stack.records, console)
        outcome.absent |= {name for name, model in catalogue.items() if model.archive_name not in plan.models}
        idle = {name for name, model in catalogue.items() if plan.workers(model.archive_name) == 0} - outcome.absent
        if not readiness.wait_for_proxy(settings, outcome.ready, idle):
            console.print(f"The proxy does not see every model yet; {settings.url}/api/v1/models shows them.")
        readiness.show(settings, catalogue, entries, outcome, console)
    except BaseException:
        stack.stop()
        raise
    for sentence in plan.problems + plan.notes:
        console.print(sentence, style="yellow", markup=False, soft_wrap=True)
    refused = any(name not in entries or entries[name]["error"] for name in catalogue)
    return 3 if refused or plan.problems or outcome.failures else 0


def stop(settings: Settings, console: Console) -> int:
    """Stop the stack. Returns 0, also when nothing ran."""
    stopped = Stack(settings, console).stop()
    console.print(f"Stopped {' and '.join(stopped)}." if stopped else "Nothing runs.")
    return 0


def status(settings: Settings, console: Console) -> int:
    """Show processes and models. Returns 0 when the whole stack runs, 1 for half of it, 4 for none."""
    alive = Stack(settings, console).records
    for name in ("proxy", "torchserve"):
        text = f"runs, process {alive[name].pid}" if name in alive else "[red]does not run[/]"
        console.print(f"{name:<11}{text}")
    if len(alive) < 2:
        console.print("Nothing runs; `make start` starts it." if not alive else "Half of it runs: `make stop` first.")
        return 1 if alive else 4
    catalogue = load_catalogue(settings.catalogue)
    outcome = readiness.look(settings, list(catalogue.values()))
    readiness.show(settings, catalogue, read_index(settings.index_file), outcome, console)
    return 0


def serve(settings: Settings, console: Console) -> int:
    """Start the stack and follow its logs until Ctrl-C, SIGTERM, or the end of one of its processes."""
    signal.signal(signal.SIGTERM, _interrupt)
    stack = Stack(settings, console)
    try:
        _start(stack)
        with _followed_logs(settings):
            console.print("Ctrl-C stops everything. The logs follow.\n")
            wait_until(lambda: len(stack.records) < 2, float("inf"), every=0.5)
        gone = sorted({"torchserve", "proxy"} - stack.records.keys())
        console.print(f"[red]{gone[0]} ended by itself[/]; its log is in {settings.log_dir}")
        return 1
    except KeyboardInterrupt:
        console.print("\nStopping.")
        return 0
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if stack.started:  # what runs already is not for this command to stop
            stack.stop()


@contextlib.contextmanager
def _followed_logs(settings: Settings) -> Iterator[None]:
    names = ("torchserve.log", "workers.log", "proxy-error.log", "proxy-access.log")
    logs = [str(settings.log_dir / name) for name in names]
    # --pid: an interrupt in the middle of this line would leave a tail that nobody knows.
    command = ["tail", f"--pid={os.getpid()}", "-q", "-n", "0", "-F", *logs]
    tail = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        tail.kill()
        tail.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


COMMANDS: dict[str, Callable[[Settings, Console], int]] = {
    "start": start,
    "stop": stop,
    "status": status,
    "serve": serve,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; settings come from the environment (docs/configuration.md)."""
    parser = argparse.ArgumentParser(prog="stack", description="Start, stop and show the stack.")
    parser.add_argument("command", choices=COMMANDS)
    arguments = parser.parse_args(argv)
    console = Console(highlight=False)
    try:
        return COMMANDS[arguments.command](load_settings(), console)
    except REFUSALS as error:
        console.print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
