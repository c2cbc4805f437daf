"""The management API as another machine sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from scripts.processes import wait_until
from tests.support.polling import poll
from tests.support.stacks import RunningStack

T = TypeVar("T")
# Half of what the management API takes from an address (limit_req in proxy/templates/management/).
POLL_SECONDS = 0.1


def make_key(stack: RunningStack, name: str) -> str:
    made = stack.command("lifecycle", "key", "add", name, "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["key"])


def error(response: requests.Response) -> str:
    body = response.json()
    assert body.keys() == {"success", "error"}
    assert body["success"] is False
    return str(body["error"])


@dataclass
class Remote:
    """Another machine's view: an address and a key."""

    stack: RunningStack
    url: str
    key: str
    mark: int = 0  # how many lines the log had before the last request

    def __call__(self, method: str, path: str, key: str | None = None, **parameters: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        self.mark = len(self.log())
        return requests.request(method, self.url + path, params=parameters, headers=headers, timeout=60)

    def poll(self, probe: Callable[[], T], accept: Callable[[T], bool] = bool) -> T:
        """Ask as often as the API's limit allows until the answer is accepted; that answer."""
        return poll(probe, accept, every=POLL_SECONDS)

    def log(self) -> list[dict[str, Any]]:
        path = self.stack.settings.log_dir / "management.log"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def logs(self, **fields: Any) -> bool:
        """Whether the last request has a line with these fields, or soon has; it need not be the last line.

        nginx logs after it has answered, and each of its processes by itself.
        """
        return wait_until(lambda: any(fields.items() <= line.items() for line in self.log()[self.mark :]), 5)
