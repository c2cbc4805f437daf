"""Probes for load balancers and Kubernetes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import requests

from tests.support import images
from tests.support.assertions import assert_error, json_body
from tests.support.client import Client
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll
from tests.support.proxies import proxy_of

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"


def _of(model: str) -> str:
    return f"/api/v1/models/{model}/ready"


def _ready(client: Client, status: int, path: str = READY) -> requests.Response:
    """The readiness, as soon as it has this status."""
    return poll(lambda: client.get(path), lambda answer: answer.status_code == status)


def test_a_stack_whose_models_serve_is_live_and_ready(client: Client) -> None:
    assert json_body(client.get(LIVE)) == {"status": "live"}
    assert json_body(_ready(client, 200)) == {"status": "ready"}


def test_a_stack_without_torchserve_is_live_and_not_ready(client: Client, operator: Operator) -> None:
    with stopped(operator.torchserve()):
        assert_error(_ready(client, 503), 503, "Not ready", "TorchServe does not answer")
        assert json_body(client.get(LIVE)) == {"status": "live"}
    _ready(client, 200)


def test_a_stack_is_not_ready_while_a_worker_is_restarted(client: Client, operator: Operator) -> None:
    os.kill(operator.only_worker(ARCHIVE), signal.SIGKILL)
    message = assert_error(_ready(client, 503), 503, "Not ready", f"{SERVED} is restarting")
    assert OTHER not in message
    _ready(client, 200)


def test_each_model_is_ready_by_itself(client: Client, operator: Operator) -> None:
    assert json_body(client.get(_of(SERVED))) == {"status": "ready"}
    with operator.unloaded(ARCHIVE):
        message = assert_error(_ready(client, 503, _of(SERVED)), 503, "Not ready", SERVED)
        assert OTHER not in message
        assert client.get(_of(OTHER)).status_code == 200
    _ready(client, 200, _of(SERVED))


def test_a_model_that_is_none_is_named(client: Client) -> None:
    answer = client.get("/api/v1/models/VGG16%2B/ready")
    assert assert_error(answer, 404) == "There is no model 'VGG16+'; GET /api/v1/models lists the models."


def test_a_service_is_ready_when_it_is_told_to_be(monitored: RunningStack, operator: Operator, tmp_path: Path) -> None:
    """Two proxies before the same TorchServe, of whose two models one does not answer."""
    with (
        proxy_of(monitored, tmp_path / "any", READY_WHEN="any") as by_any,
        proxy_of(monitored, tmp_path / "named", READY_WHEN=f"{OTHER}, ") as by_name,
        proxy_of(monitored, tmp_path / "other", READY_WHEN=SERVED) as by_other_name,
    ):
        proxies = [Client(proxy.url) for proxy in (by_any, by_name, by_other_name)]
        for client in proxies:
            _ready(client, 200)
        with operator.unloaded(ARCHIVE):
            message = assert_error(_ready(proxies[2], 503), 503, "Not ready", f"{SERVED} is ")
            assert OTHER not in message
            assert [client.get(READY).status_code for client in proxies] == [200, 200, 503]


def test_stand_ins_are_not_ready_unless_it_is_said(monitored: RunningStack, tmp_path: Path) -> None:
    with proxy_of(monitored, tmp_path / "run", STAND_INS="auto") as proxy:
        client = Client(proxy.url)
        poll(lambda: client.get("/api/v1/health").json()["loaded_models"], lambda count: count == 2)
        for path, names in ((READY, {SERVED, OTHER}), (_of(SERVED), {SERVED})):
            message = assert_error(client.get(path), 503, "Not ready", "stand-ins", "STAND_INS=allowed")
            assert {name for name in (SERVED, OTHER) if name in message} == names
        assert client.predict(images.frame(94), SERVED).json()["stand_in"] is True


def test_a_stack_that_loads_models_on_demand_is_ready_at_once_if_it_is_told_to(
    start_stack: StartStack, monitored: RunningStack, tmp_path: Path
) -> None:
    """By default it is ready with the first model, and its two health routes agree."""
    names = ("RESULTS_DIR", "MODEL_STORE", "CATALOGUE")
    settings = {name: monitored.environment[name] for name in names}
    with (
        start_stack(**settings, LOAD_MODELS="none", READY_WHEN="none") as stack,
        proxy_of(stack, tmp_path / "all", READY_WHEN="all") as other,
    ):
        client, waiting = Client(stack.url), Client(other.url)
        _ready(client, 200)
        # Before its first round it has not heard of TorchServe.
        told = poll(lambda: waiting.get(READY), lambda answer: "no model is loaded" in answer.text)
        assert_error(told, 503, "READY_WHEN=none")
        assert waiting.get("/api/v1/health").status_code == 503
        assert client.predict(images.frame(93), SERVED).status_code == 200
        assert client.get(READY).status_code == 200
