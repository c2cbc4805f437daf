"""The soak's clients, in a process of their own: seeded requests over kept connections, and some who leave.

Unlike the benchmark's generator it knows the right status of each request, and keeps every answer that has another.
"""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.child import serve_jobs
from scripts.bench.generator import Client
from scripts.bench.soak.mix import Kind

_LEAVE_EVERY = 2.0
_LONGEST_STAY = 0.2
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time
_PATIENCE = 90.0
_CONNECT_SECONDS = 30.0
_LONGEST_TEXT = 300


@dataclass(frozen=True)
class Job:
    """Some ``seconds`` of load on ``127.0.0.1:port`` by ``clients``, who choose among ``kinds`` by their weights.

    ``leavers`` more send a request about every second, and do not wait for its answer.
    """

    port: int
    kinds: list[Kind]
    clients: int
    leavers: int
    seconds: float
    seed: int


@dataclass
class Tally:
    """What came of it.

    ``answers`` counts by kind and status, as in ``VGA JPEG 200``; ``latencies`` in ms are those of good pictures.
    ``unexpected`` has the answers with another status than the right one, ``cut_off`` the connections that ended
    without an answer, both with the time in seconds since the epoch; ``left`` counts the clients that did not wait.
    """

    answers: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    unexpected: list[dict[str, Any]] = field(default_factory=list)
    cut_off: list[dict[str, Any]] = field(default_factory=list)
    left: int = 0


class Load:
    """The clients of one job at work."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._random = random.Random(job.seed)
        self._weights = [kind.weight for kind in job.kinds]
        self._contents = {kind.path: Path(kind.path).read_bytes() for kind in job.kinds}
        self._selector = selectors.DefaultSelector()
        self._asked: dict[Client, Kind] = {}
        self._tally = Tally()
        self._lock = threading.Lock()
        self._end = time.monotonic() + job.seconds

    def run(self) -> Tally:
        """Carry out the job."""
        leaving = [threading.Thread(target=self._leave, args=(number,)) for number in range(self._job.leavers)]
        for thread in leaving:
            thread.start()
        clients = [Client(self._job.port, self._selector) for _ in range(self._job.clients)]
        for client in clients:
            self._next(client)
        while self._asked:
            for key, _ in self._selector.select(timeout=1):
                if key.data in self._asked:
                    self._advance(key.data)
            self._give_up()
        for client in clients:
            client.close()
        self._selector.close()
        for thread in leaving:
            thread.join()
        return self._tally

    def _next(self, client: Client) -> None:
        self._asked.pop(client, None)
        while time.monotonic() < self._end:
            (kind,) = self._random.choices(self._job.kinds, self._weights)
            self._asked[client] = kind
            try:
                client.send(self._contents[kind.path])
            except ConnectionError as error:
                self._cut_off(client, kind, error)
                del self._asked[client]
            else:
                return

    def _advance(self, client: Client) -> None:
        kind = self._asked[client]
        try:
            answer = client.progress()
        except ConnectionError as error:
            self._cut_off(client, kind, error)
            self._next(client)
            return
        if answer is None:
            return
        self._count(kind, answer, (time.perf_counter() - client.started) * 1000)
        if b"\r\nconnection: close\r\n" in answer.partition(b"\r\n\r\n")[0].lower() + b"\r\n":
            self._reconnect(client)
        self._next(client)

    def _count(self, kind: Kind, answer: bytes, milliseconds: float) -> None:
        status = answer[9:12].decode(errors="replace")
        self._tally.answers[f"{kind.name} {status}"] += 1
        if status != str(kind.status):
            text = answer.partition(b"\r\n\r\n")[2].decode(errors="replace")
            self._note(kind, f"{status}: {text[:_LONGEST_TEXT]}")
        elif status == "200":
            self._tally.latencies.append(round(milliseconds, 1))

    def _give_up(self) -> None:
        late = [c for c in self._asked if time.perf_counter() - c.started > _PATIENCE]
        for client in late:
            self._note(self._asked[client], f"no answer within {_PATIENCE:g} s")
            self._reconnect(client)
            self._next(client)

    def _note(self, kind: Kind, text: str) -> None:
        self._tally.unexpected.append({"at": time.time(), "kind": kind.name, "text": text})

    def _cut_off(self, client: Client, kind: Kind, error: ConnectionError) -> None:
        self._tally.cut_off.append({"at": time.time(), "kind": kind.name, "text": str(error)})
        self._reconnect(client)

    @staticmethod
    def _reconnect(client: Client) -> None:
        """Open another connection, for which a proxy that is being started again may be waited."""
        end = time.monotonic() + _CONNECT_SECONDS
        client.close()
        while True:
            try:
                client.connect()
            except (ConnectionError, TimeoutError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)
            else:
                return

    def _leave(self, number: int) -> None:
        """Ask for predictions and do not wait for them, now with a reset and now as usual."""
        chance = random.Random(self._job.seed + 1 + number)
        good = [kind for kind in self._job.kinds if kind.status == 200]
        while time.monotonic() + _LEAVE_EVERY < self._end:
            kind = chance.choices(good, [kind.weight for kind in good])[0]
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._job.port), 5) as client:
                client.sendall(self._contents[kind.path])
                time.sleep(chance.uniform(0, _LONGEST_STAY))
                if chance.random() < 0.5:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                with self._lock:
                    self._tally.left += 1
            time.sleep(chance.uniform(0, _LEAVE_EVERY))


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Carry out one job."""
    kinds = [Kind(**kind) for kind in job.pop("kinds")]
    return vars(Load(Job(kinds=kinds, **job)).run())


if __name__ == "__main__":
    sys.exit(serve_jobs(work))
