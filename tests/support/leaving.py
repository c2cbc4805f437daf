"""Clients that leave before they have their answer, and the processes of nginx that must survive it."""

from __future__ import annotations

import itertools
import socket
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import psutil

from tests.support import forms
from tests.support.stacks import RunningStack
from tests.support.wire import connection, head

THREADS = 3
# Between the request and the end of its connection, s: while it is read, computed, answered.
PAUSES = (0.0, 0.002, 0.005, 0.01, 0.02)
# So that leaving does not fill the queue: TorchServe computes the predictions all the same.
INTERVAL = 0.05
RESET = struct.pack("ii", 1, 0)


def prediction(model: str, content: bytes) -> bytes:
    """The bytes of a request for a prediction."""
    body = forms.encode(forms.image(content), forms.field("model", model))
    length = f"Content-Length: {len(body)}"
    kind = f"Content-Type: multipart/form-data; boundary={forms.BOUNDARY}"
    return head("POST /api/v1/predict HTTP/1.1", kind, length) + body


def leave(url: str, model: str, content: bytes, count: int, *, resets: bool) -> None:
    """Ask for ``count`` predictions and end each connection before its answer, by a reset or as usual."""
    request = prediction(model, content)
    pauses: Iterable[float] = itertools.islice(itertools.cycle(PAUSES), count)
    with ThreadPoolExecutor(THREADS) as leaving:
        for left in [leaving.submit(_leave, url, request, pause, resets) for pause in pauses]:
            left.result()


def proxy_processes(stack: RunningStack) -> list[psutil.Process]:
    """nginx's workers, by process id."""
    main = psutil.Process(int((stack.settings.run_dir / "nginx" / "nginx.pid").read_text()))
    return sorted(main.children(), key=lambda process: process.pid)


def _leave(url: str, request: bytes, pause: float, resets: bool) -> None:
    with connection(url) as sock:
        sock.sendall(request)
        Event().wait(pause)
        if resets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    Event().wait(INTERVAL)
