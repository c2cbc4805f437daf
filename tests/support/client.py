"""An application that uses the API from the web client's origin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

import requests

from tests.support import forms

ORIGIN = "http://localhost:5173"
PREDICT = "/api/v1/predict"
COMPARE = "/api/v1/compare"
TIMEOUT = 100  # seconds: every request ends by itself long before

T = TypeVar("T")


class Client:
    """Sends requests to one stack; every one carries the origin of the web client."""

    def __init__(self, url: str) -> None:
        self.url = url

    def request(
        self,
        method: str,
        path: str,
        *,
        data: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str | None] | None = None,
    ) -> requests.Response:
        """Any request; a header that is None is left out."""
        return requests.request(
            method,
            self.url + path,
            data=data,
            headers={"Origin": ORIGIN, **(headers or {})},
            timeout=TIMEOUT,
            allow_redirects=False,
        )

    def get(self, path: str, headers: Mapping[str, str | None] | None = None) -> requests.Response:
        """GET ``path``."""
        return self.request("GET", path, headers=headers)

    def post_form(
        self,
        *parts: forms.Part,
        boundary: str = forms.BOUNDARY,
        headers: Mapping[str, str | None] | None = None,
        path: str = PREDICT,
    ) -> requests.Response:
        """POST a form, by default to the prediction route."""
        return self.post_body(forms.encode(*parts, boundary=boundary), boundary, headers, path)

    def post_body(
        self,
        body: bytes | Iterable[bytes],
        boundary: str = forms.BOUNDARY,
        headers: Mapping[str, str | None] | None = None,
        path: str = PREDICT,
    ) -> requests.Response:
        """POST ``body``, by default to the prediction route, whether or not it is a good form."""
        declared = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.request("POST", path, data=body, headers={**declared, **(headers or {})})

    def predict(self, content: bytes, model: str, headers: Mapping[str, str | None] | None = None) -> requests.Response:
        """Classify an image file."""
        return self.post_form(forms.image(content), forms.field("model", model), headers=headers)

    def compare(self, content: bytes, *models: str) -> requests.Response:
        """Compare models on an image file; all of them if none is named."""
        return self.post_form(forms.image(content), *(forms.field("model", model) for model in models), path=COMPARE)

    def faces(
        self, content: bytes, model: str, headers: Mapping[str, str | None] | None = None, **fields: str
    ) -> requests.Response:
        """Have the faces of an image file found and classified; ``fields`` are further ones of the form."""
        parts = [forms.field(name, value) for name, value in {"model": model, **fields}.items()]
        return self.post_form(forms.image(content), *parts, headers=headers, path="/api/v1/faces")


def at_once(calls: Iterable[Callable[[], T]]) -> list[T]:
    """Make all the calls at the same moment, each from a thread of its own; their results in order."""
    calls = list(calls)
    start = Barrier(len(calls))

    def run(call: Callable[[], T]) -> T:
        start.wait(TIMEOUT)
        return call()

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(run, calls))
