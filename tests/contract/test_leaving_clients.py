"""Clients that leave while their prediction is computed cost the others nothing, and leave nothing behind."""

from __future__ import annotations

import itertools
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.monitoring.scrape import settled
from tests.support import forms, images
from tests.support.assertions import assert_prediction
from tests.support.client import Client
from tests.support.polling import poll
from tests.support.reference import Reference
from tests.support.wire import connection, head

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODEL = "MobileNetV2_FER2013"
LEAVING, THREADS, BUSY = 300, 3, 4
# Between the request and the end of its connection, s: while it is read, computed, answered.
PAUSES = (0.0, 0.002, 0.005, 0.01, 0.02)
# So that leaving does not fill the queue: TorchServe computes the predictions all the same.
INTERVAL = 0.05
RESET = struct.pack("ii", 1, 0)
# Descriptors that may be open for a while: idle connections to TorchServe (32 in each process), logs, questions to it.
IDLE = 2 * 32 + 10


def _request() -> bytes:
    body = forms.encode(forms.image(images.frame(8)), forms.field("model", MODEL))
    return (
        head(
            "POST /api/v1/predict HTTP/1.1",
            f"Content-Type: multipart/form-data; boundary={forms.BOUNDARY}",
            f"Content-Length: {len(body)}",
        )
        + body
    )


def _leave(url: str, request: bytes, pause: float, resets: bool) -> None:
    """Ask for a prediction and end the connection, by a reset or as usual."""
    with connection(url) as sock:
        sock.sendall(request)
        Event().wait(pause)
        if resets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    Event().wait(INTERVAL)


def _proxy_processes(stack: RunningStack) -> list[psutil.Process]:
    """nginx's workers, by process id."""
    main = psutil.Process(int((stack.settings.run_dir / "nginx" / "nginx.pid").read_text()))
    return sorted(main.children(), key=lambda process: process.pid)


@pytest.mark.parametrize("resets", [True, False], ids=["reset", "closed"])
def test_clients_that_leave_cost_the_others_nothing(
    stack: RunningStack, client: Client, reference: Reference, resets: bool
) -> None:
    request, done = _request(), Event()

    def stay(number: int) -> int:
        """Ask again and again until the others have left; how often."""
        content = images.frame(300 + number)
        expected = reference.probabilities(MODEL, content)
        for count in itertools.count():
            if done.is_set():
                return count
            assert_prediction(client.predict(content, MODEL), MODEL, expected)
        raise AssertionError

    assert_prediction(client.predict(images.frame(8), MODEL), MODEL, reference.probabilities(MODEL, images.frame(8)))
    before = _proxy_processes(stack)
    descriptors = sum(process.num_fds() for process in before)
    with ThreadPoolExecutor(BUSY) as staying, ThreadPoolExecutor(THREADS) as leaving:
        answered = [staying.submit(stay, number) for number in range(BUSY)]
        try:
            pauses = itertools.islice(itertools.cycle(PAUSES), LEAVING)
            for left in [leaving.submit(_leave, stack.url, request, pause, resets) for pause in pauses]:
                left.result()
        finally:
            done.set()
        assert all(future.result() > 0 for future in answered)
    assert settled(stack.url).in_flight() == 0
    assert _proxy_processes(stack) == before
    poll(lambda: sum(process.num_fds() for process in before), lambda now: now <= descriptors + IDLE)
