"""The record of a stack's processes, which outlives the command that started them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.files import write_text

# sockaddr_un.sun_path holds 108 bytes with the final NUL (unix(7)).
_LONGEST_SOCKET_PATH = 107


@dataclass(frozen=True)
class ProcessRecord:
    """A process we started. ``created`` (seconds since the epoch) tells it from a later one with the same id.

    ``group`` is the id of its process group, if that is its own and its children's; it need not be the leader. 0 for a
    process that shares its group with strangers.
    """

    pid: int
    created: float
    group: int = 0

    @classmethod
    def of(cls, pid: int) -> ProcessRecord:
        """Record a running process that was started in a session of its own, or by a process that was.

        Raises psutil.NoSuchProcess or ProcessLookupError if it has ended.
        """
        return cls(pid, psutil.Process(pid).create_time(), os.getpgid(pid))

    @classmethod
    def alone(cls, pid: int) -> ProcessRecord:
        """Record a running process without its group. Raises psutil.NoSuchProcess if it has ended."""
        return cls(pid, psutil.Process(pid).create_time())

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        process = self._process()
        try:
            return process is not None and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _process(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
        except psutil.NoSuchProcess:
            return None
        return process if process.create_time() == self.created else None

    def members(self) -> list[psutil.Process]:
        """What lives of its group, itself included: its children may outlive it.

        Linux gives no new process the id of a group that still has members: a process with that id, unless it is
        this one, shows that the group is gone and its id another's. The caller's own group is none that was started.
        """
        led = self.group == self.pid and self._process() is not None
        if self.group in (0, os.getpgid(0)) or (psutil.pid_exists(self.group) and not led):
            return []
        return [process for process in psutil.process_iter() if _is_in(process, self.group)]

    def stop(self, signal_number: int, grace: float) -> None:
        """Signal the process, wait up to ``grace`` seconds, then kill it with all that is left of its group."""
        if self.alive:
            os.kill(self.pid, signal_number)
            if not wait_until(lambda: not self.alive, grace):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.pid, signal.SIGKILL)
                wait_until(lambda: not self.alive, grace)
        self.kill_group(grace)

    def kill_group(self, grace: float) -> None:
        """Kill what lives of its group, and wait up to ``grace`` seconds for its end."""

        def all_gone() -> bool:
            members = self.members()
            for member in members:
                with contextlib.suppress(psutil.NoSuchProcess):
                    member.kill()
            return not members

        wait_until(all_gone, grace)


def _is_in(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Poll ``condition`` every ``every`` seconds until it is true; False if it is not within ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every)
    return True


def read_records(path: Path) -> dict[str, ProcessRecord]:
    """The recorded processes by name; empty without a usable record."""
    try:
        return {name: ProcessRecord(**record) for name, record in json.loads(path.read_text()).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def write_records(path: Path, records: dict[str, ProcessRecord]) -> None:
    """Replace the record."""
    write_text(path, json.dumps({name: vars(record) for name, record in records.items()}))


def free_ports(count: int) -> list[int]:
    """TCP ports of this machine that nothing listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def taken_ports(ports: Iterable[int], address: str) -> list[int]:
    """Those of ``ports`` on which no server could listen now."""
    return [port for port in ports if listening_error(address, port)]


def listening_error(address: str, port: int) -> OSError | None:
    """Why no server could listen there now, None if one could. ``::`` stands for IPv4's addresses too."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
            probe.bind((address, port))
    except OSError as error:
        return error
    return None


def socket_path_fault(path: Path) -> str | None:
    """Why a Unix domain socket can't have this path; None if it can."""
    length = len(os.fsencode(path))
    if length <= _LONGEST_SOCKET_PATH:
        return None
    return (
        f"{path}: too long a path for a socket ({length} bytes of at most {_LONGEST_SOCKET_PATH}); move the clone, or "
        "set RUN_DIR to a shorter path"
    )
