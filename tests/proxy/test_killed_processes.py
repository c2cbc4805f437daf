"""What a process of nginx had under way when it was killed does not stay counted."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from scripts.access.apps import app_keys
from tests.monitoring.scrape import Scrape
from tests.proxy.forms import form
from tests.proxy.guarded import status_of
from tests.support.polling import poll
from tests.support.proxies import WORKERS, RunningProxy, running_proxy
from tests.support.wire import head

MODELS = ("VGG19_FER2013", "VGG19_CK+48")
# Each may have two under way; "own" by a limit of its own.
KEYS = ("own", "common")


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[RunningProxy]:
    """A proxy in which predictions wait for a TorchServe that is said to be about to come back."""
    with running_proxy(tmp_path, {"ALLOW_ANONYMOUS": "0", "CLIENT_REQUESTS": "2"}) as proxy:
        said = {"pid": os.getpid(), "parts": {"torchserve": {"state": "starting", "restarts": 1}}}
        proxy.settings.supervision_file.write_text(json.dumps(said))
        yield proxy


@pytest.fixture
def keys(waiting: RunningProxy) -> dict[str, str]:
    store = app_keys(waiting.settings)
    found = {name: store.add(name) for name in (*KEYS, "comparing")}
    store.limit("own", requests=2, rate=0)
    poll(lambda: [status_of(waiting, key) for key in found.values()], lambda statuses: set(statuses) == {200})
    return found


def _request(key: str, path: str, *fields: tuple[str, bytes]) -> bytes:
    body = form("x", ("file", b"no image"), *fields)
    lines = ("Content-Type: multipart/form-data; boundary=x", f"Content-Length: {len(body)}", f"X-API-Key: {key}")
    return head(f"POST {path} HTTP/1.1", *lines) + body


def _prediction(key: str) -> bytes:
    return _request(key, "/api/v1/predict", ("model", MODELS[0].encode()))


def _comparison(key: str) -> bytes:
    return _request(key, "/api/v1/compare", *(("model", model.encode()) for model in MODELS))


def _status(proxy: RunningProxy, request: bytes) -> int:
    """Of a request that is answered; 0 if its process ended meanwhile."""
    with socket.create_connection(("127.0.0.1", proxy.settings.port), 30) as sock:
        sock.sendall(request)
        try:
            return int((sock.recv(12) or b"HTTP/1.1 000")[9:])
        except ConnectionError:
            return 0


def _begin(proxy: RunningProxy, sockets: ExitStack, request: bytes) -> None:
    sockets.enter_context(socket.create_connection(("127.0.0.1", proxy.settings.port), 10)).sendall(request)


def _kill_all(proxy: RunningProxy) -> None:
    main = psutil.Process(proxy.pid)
    before = main.children()
    for process in before:
        process.kill()
    psutil.wait_procs(before, 10)
    poll(main.children, lambda found: len(found) == WORKERS)


def test_who_had_predictions_under_way_in_a_killed_process_is_answered_again(
    waiting: RunningProxy, keys: dict[str, str]
) -> None:
    with ExitStack() as sockets:
        for name in KEYS:
            for _ in range(2):
                _begin(waiting, sockets, _prediction(keys[name]))
        _begin(waiting, sockets, _comparison(keys["comparing"]))
        poll(lambda: Scrape(waiting.url).in_flight(), lambda count: count == 2 * len(KEYS) + len(MODELS))
        assert [_status(waiting, _prediction(keys[name])) for name in KEYS] == [429, 429]
        assert _status(waiting, _comparison(keys["comparing"])) == 429
        waiting.settings.supervision_file.unlink()  # TorchServe is not waited for any more
        _kill_all(waiting)
    again = [*(_prediction(keys[name]) for name in KEYS), _comparison(keys["comparing"])]
    for request in again:
        poll(lambda request=request: _status(waiting, request), lambda status: status == 503)  # type: ignore[misc]
    poll(lambda: Scrape(waiting.url).in_flight(), lambda count: count == 0)
