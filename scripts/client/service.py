"""The running service as a client sees it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from scripts.environment import is_loopback
from scripts.errors import NOT_LOADED, NOT_RUNNING, UserError

PATIENCE = 60.0  # seconds a picture is sent again while the service says "not ready" or "too many requests"
# What is wrong with one picture, not with the model or the service.
_PICTURES_FAULT = range(400, 429)
TIMEOUT = 120.0  # seconds for one answer; a model that is loaded first may take the most of it


class KeyHeader(requests.auth.AuthBase):
    """Sends a key, and no password that ``~/.netrc`` may have for the host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """The request with the key."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class PredictError(UserError):
    """A picture got no answer; the message says why and what to do, ``status`` is that of the service's answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        if status is not None and status not in _PICTURES_FAULT:
            self.exit_code = NOT_LOADED


class NoServiceError(PredictError):
    """Nothing answers."""

    exit_code = NOT_RUNNING


@dataclass(frozen=True)
class Answer:
    """One model's answer on one picture. ``probabilities`` are as in the API's answer, the most probable first."""

    image: str
    model: str
    probabilities: dict[str, float]
    milliseconds: float
    body: dict[str, Any]

    @property
    def top(self) -> str:
        """The most probable label."""
        return next(iter(self.probabilities))

    @property
    def confidence(self) -> float:
        """Its probability."""
        return self.probabilities[self.top]


class Service:
    """The running service at ``url``.

    ``authorities`` is a PEM file with the only ones to trust; by default those of REQUESTS_CA_BUNDLE or the usual ones.
    ``key`` is for a service that requires one. ``here``: it is this machine's, to which no proxy leads, whatever
    http_proxy says; so are the loopback addresses.
    """

    def __init__(
        self, url: str, authorities: Path | None = None, key: str | None = None, *, here: bool = False
    ) -> None:
        self._url = with_scheme(url).rstrip("/")
        # requests then takes no proxy for this host from the environment, but still REQUESTS_CA_BUNDLE.
        host = urlsplit(self._url).hostname or ""
        self._proxies = {"no_proxy": host} if here or is_loopback(host) else None
        # Given with each request, since requests lets REQUESTS_CA_BUNDLE overrule a session.
        self._verify = str(authorities) if authorities else None
        self._session = requests.Session()
        if key:
            self._session.auth = KeyHeader(key)

    def models(self) -> dict[str, dict[str, Any]]:
        """The catalogue's entries by name. Raises PredictError when the service does not answer, or refuses to."""
        response = self._call("GET", "/api/v1/models")
        body = self._body(response)
        if not response.ok:
            how = " Give it with --key or API_KEY." if response.status_code == requests.codes.unauthorized else ""
            raise PredictError(f"{self._url}: {body.get('error', f'status {response.status_code}')}{how}")
        models: dict[str, dict[str, Any]] = body["models"]
        return models

    def predict(self, image: Path, model: str) -> Answer:
        """Send one picture to one model, again while waiting helps. Raises PredictError."""
        return self.ask(str(image), read_image(image), model)

    def ask(self, image: str, data: bytes, model: str) -> Answer:
        """The same for the bytes of a picture; ``image`` is what it is called. Raises PredictError."""
        body, milliseconds = self._answered("/api/v1/predict", image, data, model)
        return Answer(image, model, body["predictions"], milliseconds, body)

    def faces(self, image: str, data: bytes, model: str) -> list[Answer]:
        """An answer for each face on a picture; ``body`` is the face's part of the service's answer."""
        body, milliseconds = self._answered("/api/v1/faces", image, data, model)
        return [Answer(image, model, face["predictions"], milliseconds, face) for face in body["faces"]]

    def _answered(self, path: str, image: str, data: bytes, model: str) -> tuple[dict[str, Any], float]:
        """The body of a good answer, and how many milliseconds it took. Raises PredictError."""
        start = time.perf_counter()
        response = self._patiently(path, Path(image).name, data, model)
        milliseconds = (time.perf_counter() - start) * 1000
        body = self._body(response)
        if not response.ok:
            reason = body.get("error", f"status {response.status_code}")
            raise PredictError(f"{image}: {reason}", response.status_code)
        return body, milliseconds

    def _patiently(self, path: str, name: str, data: bytes, model: str) -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            response = self._call("POST", path, files={"file": (name, data)}, data={"model": model})
            wait = retry_after(response)
            if response.ok or time.monotonic() + wait > deadline:
                return response
            time.sleep(wait)

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(
                method, self._url + path, timeout=TIMEOUT, verify=self._verify, proxies=self._proxies, **arguments
            )
        except requests.exceptions.SSLError as error:
            raise PredictError(
                f"{self._url}: no trusted connection ({_reason(error)}); check --url and --ca"
            ) from error
        except requests.exceptions.ProxyError as error:
            raise PredictError(
                f"{self._url}: the proxy that the environment names (http_proxy, https_proxy, all_proxy) does not lead "
                "there; add the host to no_proxy if none is needed"
            ) from error
        except requests.ConnectionError as error:
            raise NoServiceError(f"Nothing answers at {self._url}; start the service with 'make start'") from error
        except requests.Timeout as error:
            raise PredictError(f"{self._url} gave no answer within {TIMEOUT:.0f} s; see 'make status'") from error
        except requests.RequestException as error:
            raise PredictError(f"{self._url}: {error}; check --url") from error

    def _body(self, response: requests.Response) -> dict[str, Any]:
        try:
            body: dict[str, Any] = response.json()
        except requests.JSONDecodeError as error:
            raise PredictError(f"{self._url} is some other service; check --url and PORT") from error
        return body


def with_scheme(url: str) -> str:
    """``localhost:9000`` or ``:9000`` as a URL."""
    if "://" in url:
        return url
    return f"http://{'localhost' if url.startswith(':') else ''}{url}"


def _reason(error: requests.exceptions.SSLError) -> str:
    """What OpenSSL says, without the layers around it."""
    found = re.search(r"\] (.+?) \(_ssl", str(error))
    return found[1] if found else str(error)


def read_image(image: Path) -> bytes:
    """The file's bytes. Raises PredictError."""
    try:
        return image.read_bytes()
    except OSError as error:
        raise PredictError(f"{image}: cannot be read ({error.strerror}); check the name") from error


def retry_after(response: requests.Response) -> float:
    """Seconds to wait by the answer's ``Retry-After``, a number or a date (RFC 9110); infinite without a usable one."""
    try:
        return Retry().parse_retry_after(response.headers["Retry-After"])
    except (KeyError, InvalidHeader):
        return float("inf")
