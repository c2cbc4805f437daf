"""Clients that ask the proxy for predictions again and again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from operator import ge
from typing import Any

import requests

from scripts.probes import probe_files
from tests.support.polling import poll

TIMEOUT = 60
IMAGE = probe_files(7)["frame.jpg"]
# Between two questions of any of the clients, s: two fall into a service's pause of 100 ms, and the machine keeps most
# of its time for what happens meanwhile.
EVERY = 0.05


@dataclass(frozen=True)
class Answer:
    """One answer: when it came (monotonic seconds), how long it took, its status and body."""

    at: float
    seconds: float
    status: int
    body: dict[str, Any]


def predict(url: str, model: str, session: requests.Session | None = None) -> Answer:
    """Ask once."""
    started = time.monotonic()
    response = (session or requests).post(
        f"{url}/api/v1/predict", files={"file": ("frame.jpg", IMAGE)}, data={"model": model}, timeout=TIMEOUT
    )
    ended = time.monotonic()
    return Answer(ended, ended - started, response.status_code, response.json())


@contextlib.contextmanager
def asking(url: str, model: str, count: int = 8) -> Iterator[list[list[Answer]]]:
    """``count`` clients ask in turn until the block ends; yields each one's answers, in their order."""
    over = threading.Event()
    answers: list[list[Answer]] = [[] for _ in range(count)]

    def ask(number: int, own: list[Answer]) -> None:
        over.wait(number * EVERY)
        with requests.Session() as session:
            while not over.wait(count * EVERY):
                own.append(predict(url, model, session))

    threads = [threading.Thread(target=ask, args=numbered) for numbered in enumerate(answers)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join(TIMEOUT)


def wait_for_answers(answers: list[list[Answer]], each: int) -> None:
    """Wait until every client has got ``each`` answers more."""
    wanted = [len(own) + each for own in answers]
    poll(lambda: [len(own) for own in answers], lambda counts: all(map(ge, counts, wanted)), TIMEOUT)
