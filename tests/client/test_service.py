"""What scripts/predict makes of the service's answers; one that is up is asked in test_clients.py."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from time import time
from typing import Any

import pytest
import requests

from scripts.client import service
from scripts.client.service import Answer, PredictError, Service, retry_after
from tests.support.authority import Authority
from tests.support.ports import free_ports

Reply = tuple[int, dict[str, str], str]
BODY = {"success": True, "predictions": {"happy": 0.75, "sad": 0.25}}
OK: Reply = (200, {}, json.dumps(BODY))


class Server(ThreadingHTTPServer):
    """Gives the replies of a list in their order, as a service with its troubles would."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies: list[Reply] = []
        self.asked: list[tuple[str, str, bytes]] = []
        self.keys: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def answer(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.server.asked.append((self.command, self.path, content))
        self.server.keys.append(self.headers.get("Authorization"))
        status, headers, text = self.server.replies.pop(0)
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text.encode())), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text.encode())

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def client(server: Server) -> Iterator[Service]:
    client = Service(f"{server.url}//")
    yield client
    client._session.close()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "face.jpg"
    path.write_bytes(b"picture")
    return path


def message(client: Service, image: Path) -> str:
    with pytest.raises(PredictError) as caught:
        client.predict(image, "M")
    return str(caught.value)


def test_a_picture_is_sent_with_its_name_and_its_model(server: Server, client: Service, image: Path) -> None:
    server.replies = [OK]
    answer = client.predict(image, "M+1")
    assert answer == Answer(str(image), "M+1", {"happy": 0.75, "sad": 0.25}, answer.milliseconds, BODY)
    assert 0.05 < answer.milliseconds < 20_000
    [(method, path, content)] = server.asked
    assert (method, path) == ("POST", "/api/v1/predict")
    assert b'name="file"; filename="face.jpg"\r\n\r\npicture\r\n' in content
    assert b'name="model"\r\n\r\nM+1\r\n' in content


def test_the_models_are_those_the_service_lists(server: Server, client: Service) -> None:
    server.replies = [(200, {}, '{"models": {"M": {"dataset": "D"}}}')]
    assert client.models() == {"M": {"dataset": "D"}}
    assert server.asked == [("GET", "/api/v1/models", b"")]


def test_a_key_is_sent_with_every_request_and_no_password_of_netrc(
    server: Server, image: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    client = Service(server.url, key="K-1")
    server.replies = [(200, {}, '{"models": {}}'), OK]
    client.models()
    client.predict(image, "M")
    assert server.keys == ["Bearer K-1", "Bearer K-1"]
    client._session.close()


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        ((401, {}, '{"error": "A key is required."}'), "{url}: A key is required. Give it with --key or API_KEY."),
        ((400, {}, '{"error": "This port accepts only HTTPS."}'), "{url}: This port accepts only HTTPS."),
        ((502, {}, "{}"), "{url}: status 502"),
    ],
)
def test_a_service_that_does_not_list_its_models_says_why(
    server: Server, client: Service, reply: Reply, told: str
) -> None:
    server.replies = [reply]
    with pytest.raises(PredictError) as caught:
        client.models()
    assert str(caught.value) == told.format(url=server.url)


def test_a_picture_is_sent_again_as_long_as_the_service_asks_to_wait(
    server: Server, client: Service, image: Path
) -> None:
    later = {"Retry-After": "1"}
    server.replies = [(503, later, '{"error": "not ready"}'), (429, {"Retry-After": "0"}, "{}"), OK]
    answer = client.predict(image, "M")
    assert answer.milliseconds >= 990, "the waiting counts"
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("headers", "patience"), [({}, 60.0), ({"Retry-After": "soon"}, 60.0), ({"Retry-After": "2"}, 1.0)]
)
def test_where_waiting_does_not_help_the_services_sentence_is_told(
    server: Server,
    client: Service,
    image: Path,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    patience: float,
) -> None:
    assert (service.PATIENCE, service.TIMEOUT) == (60, 120)
    monkeypatch.setattr(service, "PATIENCE", patience)
    server.replies = [(400, headers, '{"error": "The image is empty."}')]
    assert message(client, image) == f"{image}: The image is empty."
    server.replies = [(502, headers, "{}")]
    assert message(client, image) == f"{image}: status 502"


def test_an_answer_that_is_no_json_is_some_other_services(server: Server, client: Service, image: Path) -> None:
    server.replies = [(200, {}, "<html>")]
    assert message(client, image) == f"{server.url} is some other service; check --url and PORT"


def test_a_service_that_is_not_there_is_named(image: Path) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    assert message(Service(url), image) == f"Nothing answers at {url}; start the service with 'make start'"


def test_a_service_that_does_not_answer_in_time_is_named(
    image: Path, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setattr(service, "TIMEOUT", 0.2)
    server.shutdown()  # its port still takes connections
    assert message(Service(server.url), image) == f"{server.url} gave no answer within 0 s; see 'make status'"


def test_an_address_that_is_none_is_told(image: Path) -> None:
    told = message(Service("ftp://host"), image)
    assert told.startswith("ftp://host: No connection adapters were found for 'ftp://host/api/v1/predict'")
    assert told.endswith("; check --url")


def test_a_picture_that_cannot_be_read_is_named(client: Service, tmp_path: Path) -> None:
    image = tmp_path / "none.jpg"
    assert message(client, image) == f"{image}: cannot be read (No such file or directory); check the name"


def answer(value: str | None) -> requests.Response:
    response = requests.Response()
    if value is not None:
        response.headers["Retry-After"] = value
    return response


def test_retry_after_is_a_number_or_a_date_and_never_a_crash() -> None:
    assert retry_after(answer("7")) == 7
    assert retry_after(answer(formatdate(time() + 30, usegmt=True))) == pytest.approx(30, abs=3)
    assert retry_after(answer(None)) == retry_after(answer("soon")) == float("inf")


@pytest.fixture
def secure(server: Server, authority: Authority) -> Server:
    """The service over HTTPS."""
    pair = authority.issue("server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pair.certificate, pair.key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.url = f"https://localhost:{server.server_port}"
    return server


def test_an_authority_is_trusted_that_is_given(
    secure: Server, image: Path, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(Authority(tmp_path).file))
    secure.replies = [OK]
    client = Service(secure.url, authority.file)
    assert client.predict(image, "M").body == BODY
    client._session.close()


def test_an_authority_is_trusted_that_the_environment_has(
    secure: Server, image: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    secure.replies = [OK]
    client = Service(secure.url)
    assert client.predict(image, "M").body == BODY
    client._session.close()


def test_a_service_of_another_authority_gets_no_picture(secure: Server, image: Path, tmp_path: Path) -> None:
    told = message(Service(secure.url, Authority(tmp_path).file), image)
    assert told.startswith(f"{secure.url}: no trusted connection (certificate verify failed: ")
    assert told.endswith("); check --url and --ca")
    assert secure.asked == []
