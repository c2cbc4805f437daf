"""More clients than a model can answer, in a process of their own: what is refused, they ask for again.

Unlike the generator's clients these heed, or do not heed, how long a refusal tells them to wait.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.bench.child import serve_jobs
from scripts.bench.generator import Client

_REFUSALS = ("429", "503")
_PATIENCE = 90.0


@dataclass(frozen=True)
class Job:
    """``clients`` who send the ``request`` (a file of a whole one) to ``127.0.0.1:port`` for so many ``seconds``.

    Refused, they come back after ``pause`` seconds; the first ``patient`` of them after as many as Retry-After says.
    Each has an address of its own, or with ``together`` all have one. The first ``settling`` seconds do not count.
    """

    port: int
    request: str
    clients: int
    seconds: float
    settling: float
    patient: int = 0
    pause: float = 0.05
    together: bool = False


@dataclass
class Tally:
    """What came of it, times in milliseconds.

    ``answered`` has a time for each 200, ``refused`` for each 429 and 503 of a client that had not come too soon,
    ``held`` of one that had. ``told`` has what Retry-After said (s) to the patient; of their ``returns`` after that,
    ``kept`` were answered. ``all`` counts the 200s of the whole slice.
    """

    answered: list[float] = field(default_factory=list)
    all: int = 0
    refused: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    returns: int = 0
    kept: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Member(Client):
    """One of the crowd; refused, it comes as it was ``told``, or too ``soon``."""

    def __init__(self, port: int, selector: selectors.BaseSelector, source: str, *, patient: bool) -> None:
        super().__init__(port, selector, source)
        self.patient = patient
        self.told = self.soon = self.busy = False


class Crowd:
    """The clients of one job at work."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._request = Path(job.request).read_bytes()
        self._selector = selectors.DefaultSelector()
        self._waiting: list[tuple[float, int, Member]] = []
        self._order = itertools.count()
        self._busy = 0
        self._tally = Tally()

    def run(self) -> Tally:
        """Carry out the job; what is under way at its end is waited for, and does not count."""
        job = self._job
        members = [
            Member(job.port, self._selector, address(0 if job.together else number), patient=number < job.patient)
            for number in range(job.clients)
        ]
        self._start = time.perf_counter()
        for member in members:
            self._send(member)
        while self._busy or (self._waiting and self._now() < job.seconds):
            if self._now() > job.seconds + _PATIENCE:
                self._tally.errors["no answer in time"] += self._busy
                break
            for key, _ in self._selector.select(timeout=self._next_due()):
                self._advance(key.data)
            self._wake()
        for member in members:
            member.close()
        self._selector.close()
        return self._tally

    def _now(self) -> float:
        return time.perf_counter() - self._start

    def _counts(self) -> bool:
        return self._job.settling <= self._now() < self._job.seconds

    def _next_due(self) -> float:
        return max(0.0, self._waiting[0][0] - self._now()) if self._waiting else 1.0

    def _wake(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._now():
            self._send(heapq.heappop(self._waiting)[2])

    def _send(self, member: Member) -> None:
        if self._now() >= self._job.seconds:
            return
        self._busy += 1
        member.busy = True
        try:
            member.send(self._request)
        except ConnectionError:
            self._failed(member)

    def _advance(self, member: Member) -> None:
        try:
            answer = member.progress()
        except ConnectionError:
            if member.busy:
                self._failed(member)
            else:
                member.reconnect()
            return
        if answer is not None and member.busy:
            self._ended(member)
            self._judge(member, answer, (time.perf_counter() - member.started) * 1000)

    def _judge(self, member: Member, answer: bytes, milliseconds: float) -> None:
        head = answer.partition(b"\r\n\r\n")[0].lower() + b"\r\n"
        status = _status(answer)
        if b"\r\nconnection: close\r\n" in head:
            member.reconnect()
        if self._counts() and member.told:
            self._tally.returns += 1
            self._tally.kept += status == "200"
        if status in _REFUSALS:
            self._refused(member, milliseconds, _retry_after(answer))
            return
        self._tally.all += status == "200"
        if self._counts() and status == "200":
            self._tally.answered.append(milliseconds)
        elif status != "200":
            self._tally.errors[status] += 1
        member.told = member.soon = False
        self._send(member)

    def _refused(self, member: Member, milliseconds: float, seconds: int) -> None:
        if self._counts():
            (self._tally.held if member.soon else self._tally.refused).append(milliseconds)
            if member.patient:
                self._tally.told.append(seconds)
        member.told, member.soon = member.patient, not member.patient
        pause = float(seconds) if member.patient else self._job.pause
        heapq.heappush(self._waiting, (self._now() + pause, next(self._order), member))

    def _failed(self, member: Member) -> None:
        self._tally.errors["hung up"] += 1
        self._ended(member)
        member.reconnect()
        heapq.heappush(self._waiting, (self._now() + self._job.pause, next(self._order), member))

    def _ended(self, member: Member) -> None:
        self._busy -= 1
        member.busy = False


def address(number: int) -> str:
    """One of this machine's addresses."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


def after_leaving(port: int, request: str, leaving: int, stay: float) -> float:
    """Milliseconds until one client is answered, after so many have left ``stay`` seconds after they asked.

    Refused, it comes back when it is told to. Raises ConnectionError when it gets neither an answer nor a refusal.
    """
    content = Path(request).read_bytes()
    with contextlib.ExitStack() as connections, selectors.DefaultSelector() as selector:
        sources = [(address(number), 0) for number in range(leaving)]
        left = [connections.enter_context(socket.create_connection(("127.0.0.1", port), 30, one)) for one in sources]
        for connection in left:
            connection.sendall(content)
        time.sleep(stay)
        connections.close()
        client, started = Client(port, selector), time.perf_counter()
        while (status := _status(answer := _asked(client, content, selector))) != "200":
            if status not in _REFUSALS:
                raise ConnectionError(f"not answered after others had left: {answer[:300]!r}")
            time.sleep(_retry_after(answer))
        client.close()
    return (time.perf_counter() - started) * 1000


def _asked(client: Client, content: bytes, selector: selectors.BaseSelector) -> bytes:
    client.send(content)
    while time.perf_counter() - client.started < _PATIENCE:
        selector.select(timeout=1)
        answer = client.progress()
        if answer is not None:
            return answer
    return b""


def _status(answer: bytes) -> str:
    return answer[9:12].decode()


def _retry_after(answer: bytes) -> int:
    head = answer.partition(b"\r\n\r\n")[0].lower() + b"\r\n"
    return int(head.partition(b"\r\nretry-after: ")[2].partition(b"\r\n")[0])


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Carry out one job."""
    if "leaving" in job:
        return {"milliseconds": after_leaving(**job)}
    return vars(Crowd(Job(**job)).run())


if __name__ == "__main__":
    sys.exit(serve_jobs(work))
