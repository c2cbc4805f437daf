"""Nothing of TorchServe can be reached through the proxy, or from outside the machine, or without its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from tests.support import forms, images
from tests.support.assertions import assert_error
from tests.support.client import Client
from tests.support.wire import exchange, head

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

TORCHSERVE_PATHS = [
    "/ping",
    "/models",
    "/models/MobileNetV2_FER2013",
    "/models/MobileNetV2_FER2013/invoke",
    "/models?url=http://example.org/x.mar",
    "/predictions/MobileNetV2_FER2013",
    "/predictions/MobileNetV2_FER2013/1.0",
    "/explanations/MobileNetV2_FER2013",
    "/invocations?model_name=MobileNetV2_FER2013",
    "/MobileNetV2_FER2013/predict",
    "/v1/models/MobileNetV2_FER2013:predict",
    "/wfpredict/x",
    "/workflows",
    "/token?type=management",
    "/api-description",
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", TORCHSERVE_PATHS)
def test_paths_of_torchserve_are_unknown(client: Client, method: str, path: str) -> None:
    body = images.frame(1) if method == "POST" else None
    assert_error(client.request(method, path, data=body), 404)


@pytest.mark.parametrize(
    "target",
    [
        "/%70redictions/MobileNetV2_FER2013",
        "/%6Dodels",
        "//models",
        "/./models",
        "/api/v1/../../models",
        "/api/v1/..%2f..%2fmodels",
        "/api/v1/%2e%2e/%2e%2e/ping",
        "/api/v1/models/../../../ping",
        "/api/v1/models/..;/..;/..;/ping",
        "/api/v1/predict/../../../predictions/MobileNetV2_FER2013",
        "/api/v1/predict%2f..%2f..%2f..%2fpredictions%2fMobileNetV2_FER2013",
        "/api/v1/predict%00/models",
        "/@predict",
        "/_/models",
        "/internal/models",
        "/torchserve/models",
        "/management/models",
        "/inference/predictions/MobileNetV2_FER2013",
        "http://127.0.0.1:8081/models",
        "http://localhost/ping",
    ],
)
def test_no_spelling_of_an_address_leads_to_torchserve(client: Client, target: str) -> None:
    for method in ("GET", "POST"):
        reply = exchange(client.url, head(f"{method} {target} HTTP/1.1", "Content-Length: 0"))
        assert_error(reply, 400 if "%00" in target else 404, origin=None)


def test_model_field_leads_to_no_other_path(client: Client) -> None:
    for name in ("../models", "MobileNetV2_FER2013/../../ping", "MobileNetV2_FER2013?x=1", "x HTTP/1.1\r\n\r\n"):
        response = client.post_form(forms.image(images.frame(1)), forms.field("model", name))
        assert_error(response, 400)


def test_ports_of_torchserve_listen_on_loopback_only(stack: RunningStack) -> None:
    ports = set(stack.settings.ports.values())
    addresses = {
        connection.laddr.ip.removeprefix("::ffff:")
        for connection in psutil.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port in ports
    }
    assert addresses
    assert addresses <= {"127.0.0.1", "::1"}


def test_torchserve_itself_asks_for_its_tokens(stack: RunningStack) -> None:
    settings = stack.settings
    for url in (
        f"http://127.0.0.1:{settings.inference_port}/predictions/MobileNetV2_FER2013",
        f"http://127.0.0.1:{settings.management_port}/models",
    ):
        assert requests.get(url, timeout=30).status_code in (400, 401, 403)
        wrong = {"Authorization": "Bearer wrong"}
        assert requests.get(url, headers=wrong, timeout=30).status_code in (400, 401, 403)


def test_tokens_are_in_no_answer(client: Client, stack: RunningStack) -> None:
    keys = stack.keys().values()
    assert keys
    for response in (
        client.get("/api/v1/models"),
        client.predict(images.frame(1), "MobileNetV2_FER2013"),
        client.predict(b"no image", "MobileNetV2_FER2013"),
        client.request("OPTIONS", "/api/v1/predict"),
    ):
        whole = f"{response.headers} {response.text}"
        assert not [key for key in keys if key in whole]
