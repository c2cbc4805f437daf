"""Only the names of SERVER_NAMES are served, and only pages of listed origins, or of this server, may post."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.support import images
from tests.support.assertions import assert_error
from tests.support.client import Client

MODEL = "MobileNetV2_FER2013"
PATHS = [
    "/",
    "/api/v1/models",
    "/api/v1/health",
    "/api/v1/health/live",
    "/metrics",
    "/docs",
    "/openapi.json",
    "/nowhere",
]


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8000", "xlocalhost"])
def test_a_host_that_is_not_served_gets_nothing(client: Client, host: str) -> None:
    for path in PATHS:
        assert_error(client.get(path, {"Host": host}), 421, host.partition(":")[0], "SERVER_NAMES")
    assert_error(client.predict(images.frame(5), MODEL, {"Host": host}), 421, "SERVER_NAMES")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1", "10.1.2.3:8000", "[::1]:8000"])
def test_names_of_this_machine_and_addresses_are_served(client: Client, host: str) -> None:
    assert client.get("/api/v1/health", {"Host": host, "Origin": None}).status_code == 200


def test_a_page_of_this_server_may_post(client: Client) -> None:
    host = urlsplit(client.url).netloc
    for origin in (f"http://{host}", f"https://{host}"):
        assert client.predict(images.frame(5), MODEL, {"Origin": origin}).status_code == 200


def test_a_page_of_another_origin_is_told_so_before_its_form_is_read(client: Client) -> None:
    refused = client.predict(images.frame(5), MODEL, {"Origin": "https://evil.example"})
    assert_error(refused, 403, "'https://evil.example'", "CORS_ORIGINS", origin=None)
    assert client.get("/api/v1/models", {"Origin": "https://evil.example"}).status_code == 200
