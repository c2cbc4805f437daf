"""A client of TorchServe's management API."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from scripts.errors import NOT_RUNNING, REFUSED, UserError
from scripts.settings import Settings

# By their names in snapshots and in model-config.yaml.
_REGISTER_PARAMETERS = {
    "batchSize": "batch_size",
    "maxBatchDelay": "max_batch_delay",
    "responseTimeout": "response_timeout",
    "startupTimeout": "startup_timeout",
}


_SCALE_ATTEMPTS = 5
_SCALE_PAUSE = 0.2  # seconds


class ManagementError(UserError):
    """The management API refused or did not answer; ``status`` is its HTTP status, 0 without an answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        self.exit_code = REFUSED if status else NOT_RUNNING


class NoKeyError(ManagementError):
    """TorchServe's key file has no key for the management API."""


@dataclass(frozen=True)
class ModelState:
    """What TorchServe says of one version of a model.

    ``archive_file`` is the file or folder it was registered as. ``ready`` of its workers serve; ``pids`` are the
    process ids of all of them; ``queue`` counts the requests that wait for one.
    """

    archive_name: str
    version: str
    archive_file: str
    min_workers: int
    ready: int
    pids: frozenset[int]
    queue: int
    batch_size: int


class Management:
    """Calls the management API of the stack that ``settings`` describe."""

    def __init__(self, settings: Settings, timeout: float = 10) -> None:
        self._settings = settings
        self._timeout = timeout
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy lies between this process and its own server

    def names(self) -> list[str]:
        """Archive names of all registered models."""
        answer = self.call("GET", "/models", params={"limit": "1000"})
        return [model["modelName"] for model in answer["models"]]

    def describe(self, archive_name: str) -> list[ModelState]:
        """All versions of a model; the first one is the default. Raises ManagementError(404) if unknown."""
        states = [_state(version) for version in self.call("GET", f"/models/{quote(archive_name)}/all")]
        if len(states) > 1:
            default = self.call("GET", f"/models/{quote(archive_name)}")[0]["modelVersion"]
            states.sort(key=lambda state: (state.version != default, state.version))
        return states

    def register(self, url: str, archive_name: str, configuration: Mapping[str, Any] | None = None) -> None:
        """Register an archive: a file name in the model store, or a folder with its unpacked files.

        ``configuration`` is what holds where the archive's own does not say, under the names of TorchServe's
        snapshots. Workers are started by ``scale``; an archive built elsewhere that sets minWorkers
        starts them already, whatever is asked for here. Like ``scale`` it does not wait for them.
        """
        parameters = {
            parameter: str(configuration[key])
            for key, parameter in _REGISTER_PARAMETERS.items()
            if configuration and key in configuration
        }
        self.call(
            "POST",
            "/models",
            {"url": url, "model_name": archive_name, "initial_workers": "0", "synchronous": "false", **parameters},
        )

    def scale(self, archive_name: str, version: str, workers: int) -> None:
        """Start or end workers until there are ``workers``.

        Returns at once: ``synchronous=true`` would hold one of the two threads that also serve predictions.
        """
        count = str(workers)
        path = f"/models/{quote(archive_name)}/{quote(version)}"
        for attempt in range(_SCALE_ATTEMPTS):
            try:
                self.call("PUT", path, {"min_worker": count, "max_worker": count, "synchronous": "false"})
                return
            except ManagementError as error:
                # TorchServe walks its list of workers while another thread changes it.
                if "ConcurrentModificationException" not in str(error) or attempt + 1 == _SCALE_ATTEMPTS:
                    raise
            time.sleep(_SCALE_PAUSE)

    def set_default(self, archive_name: str, version: str) -> None:
        """Let ``version`` answer the requests that name none."""
        self.call("PUT", f"/models/{quote(archive_name)}/{quote(version)}/set-default")

    def unregister(self, archive_name: str, version: str) -> None:
        """Remove a version; the default one can only be the last."""
        self.call("DELETE", f"/models/{quote(archive_name)}/{quote(version)}")

    def call(self, method: str, path: str, params: dict[str, str] | None = None) -> Any:
        """One request. Returns the parsed answer; raises ManagementError with TorchServe's own message."""
        try:
            response = self._session.request(
                method,
                self._settings.management_url + path,
                params=params,
                headers={"Authorization": f"Bearer {self._token()}"},
                timeout=self._timeout,
            )
        except requests.RequestException as error:
            raise ManagementError(f"the management API does not answer: {error}") from error
        if not response.ok:
            raise ManagementError(_message(response), response.status_code)
        return response.json()

    def _token(self) -> str:
        try:
            keys = json.loads(self._settings.key_file.read_text())
            return str(keys["management"]["key"])
        except (OSError, ValueError, KeyError) as error:
            file = self._settings.key_file.name
            raise NoKeyError(
                f"TorchServe is being started or has ended ({file}: no management key in it yet)"
            ) from error


def _state(version: dict[str, Any]) -> ModelState:
    return ModelState(
        archive_name=version["modelName"],
        version=version["modelVersion"],
        archive_file=version["modelUrl"],
        min_workers=version["minWorkers"],
        ready=sum(worker["status"] == "READY" for worker in version["workers"]),
        pids=frozenset(int(worker["pid"]) for worker in version["workers"] if int(worker["pid"]) > 0),
        queue=int(version.get("jobQueueStatus", {}).get("pendingRequests", 0)),
        batch_size=int(version["batchSize"]),
    )


def _message(response: requests.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError):
        return f"HTTP {response.status_code}: {response.text[:200]}"
