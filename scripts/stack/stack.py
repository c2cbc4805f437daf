"""The processes of a stack: TorchServe and the proxy in front of it, started and stopped together."""

from __future__ import annotations

import shutil
import signal
import subprocess

from rich.console import Console

from scripts.errors import NOT_RUNNING, UserError
from scripts.processes import ProcessRecord, read_records, taken_ports, wait_until, write_records
from scripts.proxy import rendering
from scripts.settings import Settings
from scripts.stack import restore
from scripts.torchserve import process
from scripts.torchserve.waiting import wait_for_answer

STOP_SECONDS = 10.0


class StackError(UserError):
    """The stack cannot do what was asked; the message says why and what to do."""


class NotRunningError(StackError):
    """The stack does not run."""

    exit_code = NOT_RUNNING


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
            records["torchserve"] = ProcessRecord.of(process.start(self.settings))
            write_records(self._record_file, records)
            records["proxy"] = ProcessRecord.of(self._start_proxy())
            write_records(self._record_file, records)
            with self.console.status("Registering the models"):
                folders = restore.unpack(self.settings, plan)
                wait_for_answer(self.settings, lambda: "torchserve" in self.records)
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
        rendering.put_large_log_aside(self.settings)
        rendering.render(self.settings)
        rendering.check(self.settings)
        log = (self.settings.log_dir / "proxy-start.log").open("wb")
        with log:
            nginx = subprocess.Popen(
                rendering.command(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if not wait_until(lambda: not _free(self.settings) or nginx.poll() is not None, STOP_SECONDS):
            raise StackError(f"the proxy does not listen on port {self.settings.port}")
        if nginx.poll() is not None:
            raise StackError(f"the proxy ended: {process.last_lines(self.settings.log_dir / 'proxy-start.log')}")
        return nginx.pid

    def _clear_leftovers(self) -> None:
        self._record_file.unlink(missing_ok=True)
        shutil.rmtree(process.temporary_dir(self.settings), ignore_errors=True)


def _free(settings: Settings) -> bool:
    return not taken_ports([settings.port], settings.bind_address)
