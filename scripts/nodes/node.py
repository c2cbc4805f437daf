"""A node as another machine sees it: the management API on its MANAGEMENT_LISTEN."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import quote, urlsplit

import requests

from scripts.client.service import KeyHeader
from scripts.environment import is_loopback
from scripts.errors import NOT_LOADED, NOT_RUNNING, REFUSED, UserError

# A node whose proxy or TorchServe ended is back within this time, if its supervisor brings it back.
_AWAY_SECONDS = 15.0
# One that has just been started, or is asked by others too, says that it is not ready yet.
_BUSY_SECONDS = 5.0
# The API's limit is 20 requests a second from an address (proxy/templates/management/).
_POLL_SECONDS = 0.5
_TIMEOUT = (5.0, 30.0)
_OPEN = ("waiting", "under way")
_BUSY = (requests.codes.too_many_requests, requests.codes.service_unavailable)


class NodeError(UserError):
    """A node refused; the message names it and the remedy, and nothing was changed there."""

    def __init__(self, message: str, exit_code: int = REFUSED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class LostError(NodeError):
    """A node did not answer, or not any more: what was asked of it may have been done or not."""

    def __init__(self, message: str) -> None:
        super().__init__(message, NOT_RUNNING)


@dataclass(frozen=True)
class Version:
    """A registered version of a model. ``ready`` of its workers serve; ``queue`` counts requests that wait.

    ``file`` is its archive's name when it was registered, ``sha256`` the archive's digest, None if unknown.
    """

    version: str
    file: str
    sha256: str | None
    workers: int
    ready: int
    queue: int


class Node:
    """A node at ``url``, asked with ``key``. ``authorities`` is a PEM file with the only ones to trust.

    Once ``leaving`` is set, nothing is waited for.
    """

    def __init__(self, url: str, key: str, authorities: Path | None, leaving: Event) -> None:
        self.url = url
        self._leaving = leaving
        self._last = ""  # the path of the change that was asked for last
        # Given with each request, since requests lets REQUESTS_CA_BUNDLE overrule a session.
        self._verify = str(authorities) if authorities else None
        host = urlsplit(url).hostname or ""
        self._proxies = {"no_proxy": host} if is_loopback(host) else None
        self._session = requests.Session()
        self._session.auth = KeyHeader(key)

    def models(self) -> list[str]:
        """TorchServe's names of the registered models. Raises NodeError."""
        answer = self._json(self._call("GET", "/models", {"limit": "999"}))
        return [model["modelName"] for model in answer["models"]]

    def versions(self, model: str) -> list[Version]:
        """The registered versions of a model, the default one first; none of one that is not. Raises NodeError."""
        path = f"/models/{quote(model)}"
        response = self._call("GET", f"{path}/all", patience=_AWAY_SECONDS)
        if response.status_code == requests.codes.not_found:
            return []
        found = [_version(described) for described in self._json(response)]
        if len(found) > 1:
            default = self._json(self._call("GET", path, patience=_AWAY_SECONDS))[0]["modelVersion"]
            found.sort(key=lambda version: (version.version != default, version.version))
        return found

    def plan(self, command: str, model: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """What a change would come to, by a dry run. Raises NodeError with the reason why it may not be made."""
        return self._change(command, model, {**parameters, "dry_run": "true"}, patience=0.0)

    def change(self, command: str, model: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Have ``scripts/models COMMAND`` run there; what it printed. Raises NodeError."""
        return self._change(command, model, parameters, patience=_AWAY_SECONDS)

    def _change(self, command: str, model: str, parameters: Mapping[str, str], patience: float) -> dict[str, Any]:
        if self._leaving.is_set():
            raise LostError(f"{self.url}: not asked any more")
        self._last = f"/changes/{secrets.token_hex(16)}"
        asked = {"command": command, "model": model, **parameters}
        wish = self._ended(self._json(self._call("PUT", self._last, asked, patience)))
        if wish["state"] == "done":
            answer: dict[str, Any] = wish["answer"]
            return answer
        if wish["status"] == requests.codes.service_unavailable:  # its stack, or the supervisor, was stopped meanwhile
            raise LostError(f"{self.url}: {wish['result']}")
        raise NodeError(f"{self.url}: {wish['result']}", wish.get("exit_code", NOT_LOADED))

    def settle(self) -> None:
        """Wait for the end of the change that was asked for last, whatever came of it. Raises LostError."""
        response = self._call("GET", self._last, patience=_AWAY_SECONDS)
        if response.ok:
            self._ended(response.json())

    def _ended(self, wish: dict[str, Any]) -> dict[str, Any]:
        while wish["state"] in _OPEN:
            if self._leaving.wait(_POLL_SECONDS):
                raise LostError(f"{self.url}: not waited for")
            wish = self._json(self._call("GET", self._last, patience=_AWAY_SECONDS))
        return wish

    def _call(
        self, method: str, path: str, parameters: Mapping[str, str] | None = None, patience: float = 0.0
    ) -> requests.Response:
        """A request, repeated for ``patience`` seconds while the node is away; all that are, may be."""
        asked = time.monotonic()
        while True:
            error: NodeError
            seconds = patience
            try:
                response = self._session.request(
                    method,
                    self.url + path,
                    params=parameters,
                    timeout=_TIMEOUT,
                    verify=self._verify,
                    proxies=self._proxies,
                    allow_redirects=False,
                )
            except requests.exceptions.SSLError as failure:
                raise NodeError(f"{self.url}: no trusted connection ({_reason(failure)}); {_CERTIFICATE}") from failure
            except requests.RequestException as failure:
                error = LostError(f"{self.url}: does not answer ({_kind(failure)}); {_ABSENT}")
            else:
                if response.status_code not in _BUSY:
                    return response
                error = LostError(f"{self.url}: {_told(response)}")
                seconds = max(patience, _BUSY_SECONDS)
            if time.monotonic() > asked + seconds or self._leaving.wait(_POLL_SECONDS):
                raise error

    def _json(self, response: requests.Response) -> Any:
        """Its answer. Raises NodeError with the reason why there is none."""
        if response.status_code == requests.codes.unauthorized:
            raise NodeError(f"{self.url}: refuses the key; {_KEY}")
        if not response.ok:
            raise NodeError(f"{self.url}: {_told(response)}")
        try:
            return response.json()
        except requests.JSONDecodeError as error:
            raise NodeError(f"{self.url}: is no management API; give the MANAGEMENT_LISTEN of a stack") from error


_CERTIFICATE = "set MANAGEMENT_NODES_CA to the PEM file of the authority that issued the node's certificate"
_ABSENT = "start it (`make start` there, with MANAGEMENT_LISTEN), or leave it out"
_KEY = "`scripts/models key add NAME` prints one there; put it into MANAGEMENT_NODES_KEY_FILE"


def _version(described: Mapping[str, Any]) -> Version:
    return Version(
        version=described["modelVersion"],
        file=described["modelUrl"],
        sha256=described.get("sha256"),
        workers=described["minWorkers"],
        ready=sum(worker["status"] == "READY" for worker in described["workers"]),
        queue=int(described.get("jobQueueStatus", {}).get("pendingRequests", 0)),
    )


def _told(response: requests.Response) -> str:
    """Why the node refused: this API's error, or TorchServe's message."""
    try:
        body = response.json()
        return str(body.get("error") or body["message"])
    except (requests.JSONDecodeError, AttributeError, KeyError):
        return f"answers with status {response.status_code}; give the MANAGEMENT_LISTEN of a stack"


def _reason(error: requests.exceptions.SSLError) -> str:
    """What OpenSSL says, without the layers around it."""
    found = re.search(r"\] (.+?) \(_ssl", str(error))
    return found[1] if found else str(error)


def _kind(error: requests.RequestException) -> str:
    """What went wrong, without the layers around it."""
    found = re.search(r"\[Errno \d+\] ([^'\")]+)", str(error))
    return found[1] if found else type(error).__name__
