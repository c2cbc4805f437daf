"""Probes for load balancers and Kubernetes."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import requests

from tests.support import images
from tests.support.assertions import assert_error, json_body
from tests.support.client import Client
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.operator_view import Operator, stopped
from tests.support.polling import poll

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack, StartStack

LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"


def _ready(client: Client, status: int) -> requests.Response:
    """The readiness, as soon as it has this status."""
    return poll(lambda: client.get(READY), lambda answer: answer.status_code == status)


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


def test_models_that_wait_for_their_first_request_do_not_keep_a_stack_from_being_ready(
    start_stack: StartStack, monitored: RunningStack
) -> None:
    names = ("RESULTS_DIR", "MODEL_STORE", "CATALOGUE")
    settings = {name: monitored.environment[name] for name in names}
    with start_stack(**settings, LOAD_MODELS="none") as stack:
        client = Client(stack.url)
        _ready(client, 200)
        assert client.predict(images.frame(93), SERVED).status_code == 200
        assert client.get(READY).status_code == 200
