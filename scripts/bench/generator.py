"""The load generator: closed-loop HTTP clients on one thread of a process of their own.

Each client sends the next prepared request as soon as its last answer is complete, over a kept connection.
Requests lie ready as bytes and answers are only counted, so that the measured server has the cores to itself.
It reads one job a line from standard input and answers each with one line of JSON.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from scripts.bench.child import serve_jobs


@dataclass(frozen=True)
class Job:
    """One slice of load on ``127.0.0.1:port``.

    The ``clients`` take the ``requests`` (files of whole HTTP requests) in turn. They begin new ones for ``seconds``
    and until ``rounds`` of them per client were begun, then finish what is in flight; ``timeout`` (s) ends a slice
    whose answers do not come.
    """

    port: int
    requests: list[str]
    clients: int
    seconds: float
    rounds: int = 3
    timeout: float = 120.0


@dataclass
class Tally:
    """What a slice brought; ``latencies`` in milliseconds of answers with status 200, ``cpu`` in seconds."""

    latencies: list[float] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu: float = 0.0
    answer: str = ""


class Client:
    """One connection with at most one request in flight, from the address ``source`` of this machine."""

    def __init__(self, port: int, selector: selectors.BaseSelector, source: str = "127.0.0.1") -> None:
        self._port = port
        self._selector = selector
        self._source = (source, 0)
        self.connect()

    def send(self, request: bytes) -> None:
        """Begin a request."""
        self.started = time.perf_counter()
        self._received = b""
        self._unsent = memoryview(request)
        self._write()

    def progress(self) -> bytes | None:
        """Continue after the socket became ready. Returns the answer once it is complete.

        That may be before all of the request is sent. Raises ConnectionError when the server closes the connection
        without an answer.
        """
        try:
            if self._unsent:
                with contextlib.suppress(ConnectionError):  # its answer to what came before may be there
                    self._write()
            self._receive()
        except ConnectionError:
            if not _complete(self._received):
                raise
            return self._received
        return self._received if not self._unsent and _complete(self._received) else None

    def reconnect(self) -> None:
        """Open another connection."""
        self.close()
        self.connect()

    def close(self) -> None:
        """Close the connection."""
        self._selector.unregister(self._socket)
        self._socket.close()

    def connect(self) -> None:
        """Open the connection, the first one or one in place of that which was closed."""
        self._socket = socket.create_connection(("127.0.0.1", self._port), 10, self._source)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._unsent = memoryview(b"")
        self._received = b""
        self._selector.register(self._socket, selectors.EVENT_READ, self)

    def _receive(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = self._socket.recv(65536)
            if not data:
                raise ConnectionError("hung up")
            self._received += data

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        self._selector.modify(self._socket, events, self)


class Slice:
    """The clients of one job at work."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._requests = [_file(path) for path in job.requests]
        self._begun = 0
        self._tally = Tally()
        self._selector = selectors.DefaultSelector()

    def run(self) -> Tally:
        """Carry out the job."""
        clients = [Client(self._job.port, self._selector) for _ in range(self._job.clients)]
        cpu = time.process_time()
        self._start = time.perf_counter()
        busy = {client for client in clients if self._next(client)}
        while busy:
            for key, _ in self._selector.select(timeout=1):
                if key.data in busy and not self._advance(key.data):
                    busy.discard(key.data)
            if time.perf_counter() - self._start > self._job.timeout:
                self._tally.errors["no answer in time"] += len(busy)
                break
        self._tally.seconds = time.perf_counter() - self._start
        self._tally.cpu = time.process_time() - cpu
        for client in clients:
            client.close()
        self._selector.close()
        return self._tally

    def _next(self, client: Client) -> bool:
        in_time = time.perf_counter() - self._start < self._job.seconds
        if not in_time and self._begun >= self._job.rounds * self._job.clients:
            return False
        request = self._requests[self._begun % len(self._requests)]
        self._begun += 1
        try:
            client.send(request)
        except ConnectionError:
            return self._failed(client, "hung up")
        return True

    def _advance(self, client: Client) -> bool:
        """Returns False when the client has nothing left to do."""
        try:
            answer = client.progress()
        except ConnectionError:
            return self._failed(client, "hung up")
        if answer is None:
            return True
        self._count(answer, (time.perf_counter() - client.started) * 1000)
        if b"\r\nconnection: close\r\n" in answer.partition(b"\r\n\r\n")[0].lower() + b"\r\n":
            client.reconnect()
        return self._next(client)

    def _count(self, answer: bytes, milliseconds: float) -> None:
        status = answer[9:12].decode()
        if status == "200":
            self._tally.latencies.append(milliseconds)
        else:
            self._tally.errors[status] += 1
        if not self._tally.answer:
            self._tally.answer = answer.partition(b"\r\n\r\n")[2].decode(errors="replace")

    def _failed(self, client: Client, reason: str) -> bool:
        self._tally.errors[reason] += 1
        client.reconnect()
        return self._next(client)


@cache
def _file(path: str) -> bytes:
    return Path(path).read_bytes()


def _complete(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    head = head.lower()
    _, found, rest = head.partition(b"\r\ncontent-length:")
    if found:
        return len(body) >= int(rest.partition(b"\r\n")[0])
    return body.endswith(b"0\r\n\r\n")  # chunked; nothing else is an answer of known length


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Carry out one job."""
    return vars(Slice(Job(**job)).run())


if __name__ == "__main__":
    sys.exit(serve_jobs(work))
