"""TorchServe as an operator sees it: its management API, its metrics, its processes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
from collections.abc import Collection, Generator
from typing import TYPE_CHECKING, Any

import psutil
import requests

from tests.support.polling import poll

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


class Operator:
    """Looks into one stack, with its management token. Models go by the names of their archives."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack = stack
        self._settings = stack.settings

    def describe(self, archive: str) -> dict[str, Any]:
        """What TorchServe says of a model."""
        (description,) = self._ask("GET", archive).json()
        assert isinstance(description, dict)
        return description

    def _ask(self, method: str, archive: str, **parameters: int) -> requests.Response:
        key = self._stack.keys()["management"]  # TorchServe has another after each of its starts
        response = requests.request(
            method,
            f"{self._settings.management_url}/models/{archive}",
            params=parameters,
            headers={"Authorization": f"Bearer {key}"},
            timeout=30,
        )
        response.raise_for_status()
        return response

    @contextlib.contextmanager
    def unloaded(self, archive: str) -> Generator[None]:
        """The model without a worker, and then with one again."""
        self._ask("PUT", archive, min_worker=0)
        try:
            yield
        finally:
            self._ask("PUT", archive, min_worker=1)
            self.only_worker(archive)

    def worker_pids(self, archive: str) -> list[int]:
        """Process ids of the model's READY workers."""
        return [worker["pid"] for worker in self.describe(archive)["workers"] if worker["status"] == "READY"]

    def only_worker(self, archive: str, gone: Collection[int] = ()) -> int:
        """Process id of the model's one worker; waits until it is READY and none of those ``gone``."""

        def alone(pids: list[int]) -> bool:
            return len(pids) == 1 and pids[0] > 0 and pids[0] not in gone

        return poll(lambda: self.worker_pids(archive), alone)[0]

    def pending(self, archive: str) -> int:
        """How many requests wait in the model's queue."""
        return int(self.describe(archive)["jobQueueStatus"]["pendingRequests"])

    def received(self, archive: str) -> int:
        """How many predictions TorchServe has received for the model, by its metrics."""
        url = f"http://127.0.0.1:{self._settings.metrics_port}/metrics"
        text = requests.get(url, timeout=30).text
        lines = re.findall(r"^ts_inference_requests_total\{([^}]*)\} (\S+)", text, re.MULTILINE)
        return int(sum(float(value) for labels, value in lines if f'model_name="{archive}"' in labels))

    @contextlib.contextmanager
    def frozen(self, archive: str) -> Generator[int]:
        """Stop the model's only worker in its tracks and let it go on afterwards."""
        with stopped(self.only_worker(archive)) as pid:
            yield pid

    def torchserve(self) -> int:
        """Process id of TorchServe: whoever listens on its inference port."""
        (pid,) = {
            connection.pid
            for connection in psutil.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == self._settings.inference_port
        }
        assert pid
        return pid


@contextlib.contextmanager
def stopped(pid: int) -> Generator[int]:
    """Stop a process with SIGSTOP; let it go on afterwards, however the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
