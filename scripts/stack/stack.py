"""The processes of a stack: TorchServe and the proxy in front of it, started and stopped together."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping

import psutil
from rich.console import Console

from scripts.child_environment import child_environment
from scripts.errors import NOT_RUNNING, UserError
from scripts.processes import ProcessRecord, read_records, taken_ports, wait_until, write_records
from scripts.proxy import error_log, rendering
from scripts.running import forget_settings, keep_settings, record_file
from scripts.settings import Settings, given_values
from scripts.stack import restore
from scripts.stack.addresses import refuse_unusable_addresses, with_free_ports
from scripts.torchserve import process
from scripts.torchserve.waiting import wait_for_answer

STOP_SECONDS = 10.0
# What TorchServe and the proxy are called in the record of processes, beside SUPERVISOR.
PARTS = ("torchserve", "proxy")
SUPERVISOR = "supervisor"
# The supervisor may be about to start a part, and stops when it has. `make serve` stops both parts itself.
SUPERVISOR_STOP_SECONDS = 2 * STOP_SECONDS + 5
_PORT_SECONDS = 2.0
# One whose workers may still have requests to answer.
_LAST_PROXY = "last proxy"


class StackError(UserError):
    """The stack cannot do what was asked; the message says why and what to do."""


class NotRunningError(StackError):
    """The stack does not run."""

    exit_code = NOT_RUNNING


class Stack:
    """The stack that ``settings`` describe, running or not; ``started`` once ``start`` was called here.

    Of ``parts`` it starts and supervises only these: in a container it is TorchServe alone.
    """

    started = False

    def __init__(self, settings: Settings, console: Console, parts: tuple[str, ...] = PARTS) -> None:
        self.settings = settings
        self.console = console
        self.parts = parts
        self.record_file = record_file(settings.run_dir)

    @property
    def records(self) -> dict[str, ProcessRecord]:
        """The processes of the last start that still run."""
        return {name: record for name, record in read_records(self.record_file).items() if record.alive}

    def note(self, name: str, pid: int) -> None:
        """Record a process, in place of an earlier one of that name."""
        # `make serve` is the supervisor itself, in the group of whatever started it.
        record = ProcessRecord.alone(pid) if name == SUPERVISOR else ProcessRecord.of(pid)
        write_records(self.record_file, read_records(self.record_file) | {name: record})

    def prepare_start(self) -> None:
        """Choose free ports for TorchServe where none were given.

        Raises StackError when something of this stack, or of another on its ports, runs already.
        """
        alive = self.records
        if {*PARTS} <= alive.keys():
            raise StackError(f"runs already at {self.settings.url}; `make status` shows it, `make stop` ends it")
        if SUPERVISOR in alive:
            raise StackError("a part of the stack has ended and is being started again; `make status` shows it")
        if alive:
            name, record = next(iter(alive.items()))
            raise StackError(f"half of the stack runs ({name}, process {record.pid}): `make stop`, then start again")
        self.end_all(read_records(self.record_file))
        if "proxy" in self.parts:  # else it listens already, and was told the ports
            self.settings = with_free_ports(self.settings, given_values())
            refuse_unusable_addresses(self.settings)

    def start(self, plan: restore.Plan) -> None:
        """Start the parts and register the models of ``plan``, which load meanwhile."""
        self.started = True
        self._clear_leftovers()
        keep_settings(self.settings)
        self._close_logs()
        try:
            self.start_torchserve(plan)
            if "proxy" in self.parts:
                error_log.put_aside(self.settings)
                rendering.render(self.settings)
                rendering.check(self.settings)
                self.start_proxy()
            with self.console.status("Registering the models"):
                self.register(plan)
        except BaseException:
            self.stop()
            raise

    def _close_logs(self) -> None:
        """Let nobody but the owner and the group read the logs: they name clients' addresses."""
        self.settings.log_dir.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(PermissionError):  # a folder of somebody else's, who has decided that
            self.settings.log_dir.chmod(0o750)

    def start_torchserve(self, plan: restore.Plan) -> None:
        """Start TorchServe, and note what it will register."""
        shutil.rmtree(process.temporary_dir(self.settings), ignore_errors=True)
        restore.record(self.settings, plan, done=False)
        self.note("torchserve", process.start(self.settings))

    def register(self, plan: restore.Plan) -> None:
        """Register the models of ``plan`` with a TorchServe that has just been started."""
        folders = restore.unpack(self.settings, plan)
        wait_for_answer(self.settings, lambda: "torchserve" in self.records)
        restore.register(self.settings, plan, folders)
        restore.record(self.settings, plan, done=True)

    def start_proxy(self) -> None:
        """Start nginx with the configuration as it was rendered. Raises StackError if it cannot listen."""
        if not _free(self.settings):
            raise StackError(f"another program has taken port {self.settings.port}; end it")
        for path in (self.settings.trials_socket, self.settings.nodes_socket):
            path.unlink(missing_ok=True)  # of one that was killed: nginx could not listen there
        with (self.settings.log_dir / "proxy-start.log").open("wb") as log:
            nginx = subprocess.Popen(
                rendering.command(self.settings),
                env=child_environment(),  # nginx takes its setting's variable NGINX for open sockets
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.note("proxy", nginx.pid)
        if not wait_until(lambda: not _free(self.settings) or nginx.poll() is not None, STOP_SECONDS):
            raise StackError(f"the proxy does not listen on port {self.settings.port}")
        if nginx.poll() is not None:
            raise StackError(f"the proxy ended: {process.last_lines(self.settings.log_dir / 'proxy-start.log')}")

    def end_torchserve(self) -> None:
        """Kill what is left of a TorchServe that has ended or hangs; its workers can serve no other."""
        if record := read_records(self.record_file).get("torchserve"):
            record.kill_group(STOP_SECONDS)

    def rotate_error_log(self) -> None:
        """Put a large error log of a proxy that runs aside; nginx writes to it until it has opened a new one."""
        proxy = self.records.get("proxy")
        if proxy and error_log.put_aside(self.settings):
            with contextlib.suppress(ProcessLookupError):
                os.kill(proxy.pid, signal.SIGUSR1)  # https://nginx.org/en/docs/control.html#logs

    def restart_proxy(self) -> None:
        """Start a proxy in place of one that has ended or hangs, whose other processes finish their requests.

        nginx's workers outlive a master that was killed. At SIGQUIT they stop listening, and end with their last
        request.
        """
        if record := read_records(self.record_file).get("proxy"):
            for member in record.members():
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.send_signal(signal.SIGQUIT)
            if not wait_until(lambda: _free(self.settings), _PORT_SECONDS):
                record.kill_group(STOP_SECONDS)
            write_records(self.record_file, read_records(self.record_file) | {_LAST_PROXY: record})
        self.start_proxy()

    def stop(self) -> list[str]:
        """Stop what runs, the proxy first so that it finishes its requests. Returns the names of what was stopped."""
        records = read_records(self.record_file)
        supervisor = records.pop(SUPERVISOR, None)
        stopped = []
        if supervisor and supervisor.alive and supervisor.pid != os.getpid():
            # `make serve` is the supervisor too, and stops the others itself.
            stopped = [name for name in reversed(PARTS) if name in records and records[name].alive]
            supervisor.stop(signal.SIGTERM, SUPERVISOR_STOP_SECONDS)
        stopped += self.end_all(read_records(self.record_file))
        self._clear_leftovers()
        return list(dict.fromkeys(stopped))

    @staticmethod
    def end_all(records: Mapping[str, ProcessRecord]) -> list[str]:
        """Stop the recorded parts, with what is left of those that have ended; the names of what was stopped."""
        stopped = []
        for name, number in (("proxy", signal.SIGQUIT), (_LAST_PROXY, signal.SIGTERM), ("torchserve", signal.SIGTERM)):
            if name in records and (records[name].alive or records[name].members()):
                records[name].stop(number, STOP_SECONDS)
                stopped.append(name)
        return stopped

    def _clear_leftovers(self) -> None:
        self.record_file.unlink(missing_ok=True)
        forget_settings(self.settings)
        shutil.rmtree(process.temporary_dir(self.settings), ignore_errors=True)


def _free(settings: Settings) -> bool:
    return not taken_ports([settings.port], settings.bind_address)
