"""Clients that ask a balancer again and again."""

from __future__ import annotations

import threading
from types import TracebackType

import requests

from tests.support import forms, images
from tests.support.client import PREDICT, TIMEOUT
from tests.support.polling import poll

CLIENTS = 8
# Between two questions of any of the clients, s: two fall into a service's pause of 100 ms, and the machine keeps most
# of its time for the nodes that are started meanwhile.
EVERY = 0.05
IMAGE = images.encode(images.scene(7, (96, 96)), "JPEG")


class Load:
    """``clients`` in turn while the block runs, half of which keep their connection; at its end none saw an error."""

    def __init__(self, url: str, model: str, clients: int = CLIENTS) -> None:
        self._url = url + PREDICT
        self._body = forms.encode(forms.image(IMAGE), forms.field("model", model))
        self._pause = clients * EVERY
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        self._lock = threading.Lock()
        self.answered = 0
        self.faults: list[str] = []

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()
        if error is None:
            assert self.faults == []

    def go_on(self, answers: int = 2 * CLIENTS) -> None:
        """Wait for so many more answers."""
        before = self.answered
        poll(lambda: self.answered - before, lambda more: more >= answers or bool(self.faults), seconds=120)
        assert self.faults == []

    def _ask(self, number: int) -> None:
        session = requests.Session()
        session.trust_env = False
        kind = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
        self._done.wait(number * EVERY)
        while not self._done.wait(self._pause):
            try:
                answer = session.post(self._url, data=self._body, headers=kind, timeout=TIMEOUT)
                fault = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text}"
            except requests.RequestException as error:
                fault = repr(error)
            with self._lock:
                self.answered += not fault
                self.faults += [fault] if fault else []
            if number % 2:
                session.close()
