"""A network that swallows what the proxy sends to TorchServe: nobody answers, and nobody refuses either."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images
from tests.support.assertions import assert_error
from tests.support.client import Client
from tests.support.models import SERVED
from tests.support.polling import poll
from tests.support.proxies import proxy_of
from tests.support.stacks import RunningStack

SECONDS = 3


@pytest.fixture
def nowhere() -> Iterator[list[str]]:
    """Two ports where connections are neither taken nor refused: the queue of those to be taken is full."""
    with contextlib.ExitStack() as sockets:
        yield [_full(sockets) for _ in range(2)]


def _full(sockets: contextlib.ExitStack) -> str:
    listener = sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
    for _ in range(4):
        waiting = sockets.enter_context(socket.socket())
        waiting.setblocking(False)
        waiting.connect_ex(listener.getsockname())
    with pytest.raises(TimeoutError):
        socket.create_connection(listener.getsockname(), timeout=0.5)
    return str(listener.getsockname()[1])


@pytest.mark.parametrize(
    ("lost", "status", "words"),
    [
        (["INFERENCE_PORT"], 504, f"gave no answer within {SECONDS} s"),
        (["INFERENCE_PORT", "MANAGEMENT_PORT"], 503, "TorchServe is not running or still starting"),
    ],
    ids=["predictions", "everything"],
)
def test_a_prediction_ends_in_time_when_torchserve_cannot_be_reached(
    stack: RunningStack, tmp_path: Path, nowhere: list[str], lost: list[str], status: int, words: str
) -> None:
    ports = dict(zip(lost, nowhere, strict=False))
    with proxy_of(stack, tmp_path / "run", PREDICT_TIMEOUT=str(SECONDS), **ports) as proxy:
        client = Client(proxy.url)
        if status == 504:
            poll(lambda: client.get("/api/v1/health").json()["loaded_models"], lambda count: count == 9)
        answer = client.predict(images.frame(31), SERVED)
        assert_error(answer, status, words)
        assert answer.elapsed.total_seconds() < 5 * SECONDS, "it would not end by itself for minutes"
        assert client.get("/api/v1/health/live").status_code == 200
