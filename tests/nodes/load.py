"""Clients that ask a balancer again and again."""

from __future__ import annotations

import threading
from types import TracebackType

import requests

from tests.support import forms
from tests.support.asking import PAUSE
from tests.support.client import PREDICT, TIMEOUT
from tests.support.polling import poll

CLIENTS = 8


class Load:
    """``clients`` while the block runs, half of which keep their connection; at its end none has seen an error."""

    def __init__(self, url: str, model: str, content: bytes, clients: int = CLIENTS) -> None:
        self._url = url + PREDICT
        self._model = model
        self._body = forms.encode(forms.image(content), forms.field("model", model))
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(number % 2 == 0,)) for number in range(clients)]
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

    def go_on(self, answers: int = 10 * CLIENTS) -> None:
        """Wait for so many more answers."""
        before = self.answered
        poll(lambda: self.answered - before, lambda more: more >= answers or bool(self.faults), seconds=120)
        assert self.faults == []

    def _ask(self, keeps_connection: bool) -> None:
        session = requests.Session()
        session.trust_env = False
        kind = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
        while not self._done.wait(PAUSE):
            try:
                answer = session.post(self._url, data=self._body, headers=kind, timeout=TIMEOUT)
                fault = "" if answer.status_code == 200 else f"{answer.status_code} {answer.text}"
            except requests.RequestException as error:
                fault = repr(error)
            with self._lock:
                self.answered += not fault
                self.faults += [fault] if fault else []
            if not keeps_connection:
                session.close()
