"""Where keys are required, apps without one are refused, each key is counted by its name, and changes soon hold."""

from __future__ import annotations

import json
import socket
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
import requests
import yaml

from scripts.access.apps import app_keys
from scripts.proxy import reloading
from scripts.proxy.pages import DESCRIPTION
from tests.monitoring.scrape import Scrape
from tests.proxy.guarded import get, status_of
from tests.support.assertions import assert_cors, assert_error
from tests.support.client import ORIGIN
from tests.support.polling import poll
from tests.support.proxies import RunningProxy
from tests.support.wire import head

pytestmark = pytest.mark.slow

HOW = 'send it as "Authorization: Bearer KEY" or "X-API-Key: KEY"'
MISSING = f"A key is required; {HOW}. Whoever runs this service can give you one."
UNKNOWN = (
    f"This key is not known here: it was removed, or is not whole; {HOW}. "
    "Whoever runs this service can give you another."
)


@pytest.fixture(scope="module")
def key(make_key: Callable[[str], str]) -> str:
    return make_key("app")


@pytest.mark.parametrize("path", ["/api/v1/models", "/api/v1/health", "/api/v1/predict", "/api/v1/else", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_without_a_key_nothing_is_answered(guarded: RunningProxy, method: str, path: str) -> None:
    answer = requests.request(method, f"{guarded.url}{path}", headers={"Origin": ORIGIN}, timeout=10)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert_cors(answer)
    if method != "HEAD":
        assert assert_error(answer, 401) == MISSING


def test_the_described_sentence_is_the_one_that_is_sent(guarded: RunningProxy) -> None:
    described = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["components"]["responses"]["NoKey"]
    assert described["content"]["application/json"]["example"] == get(guarded).json()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/api/v1/health/live", 200),
        ("/api/v1/health/ready", 503),  # no TorchServe
        ("/api/v1/models/VGG19_CK+48/ready", 503),
        ("/docs", 200),
        ("/redoc", 200),
        ("/docs/swagger-ui.css", 200),
        ("/static/js/main.js", 200),
        ("/openapi.json", 200),
        ("/metrics", 200),
    ],
)
def test_pages_probes_and_metrics_need_no_key(guarded: RunningProxy, path: str, status: int) -> None:
    assert get(guarded, path).status_code == status


@pytest.mark.parametrize("header", ["Authorization: Bearer {}", "authorization: bearer  {}", "X-API-Key: {}"])
def test_a_key_is_taken_from_either_header(guarded: RunningProxy, key: str, header: str) -> None:
    name, _, value = header.format(key).partition(": ")
    answer = get(guarded, headers={name: value})
    assert answer.status_code == 200, answer.text
    assert "WWW-Authenticate" not in answer.headers
    assert_cors(answer)
    form = requests.post(f"{guarded.url}/api/v1/predict", headers={name: value}, timeout=10)
    assert form.status_code == 400, "the form is read"


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer {other}"},
        {"X-API-Key": "{other}"},
        {"X-API-Key": "{key}x"},
        {"X-API-Key": "{short}"},
        {"X-API-Key": "{hash}"},
        {"X-API-Key": "app"},
        {"X-API-Key": "{other}", "Authorization": "Bearer {key}"},
        {"Authorization": "Bearer {key}, Bearer {key}"},
    ],
    ids=str,
)
def test_a_wrong_key_is_refused_and_not_repeated(guarded: RunningProxy, key: str, headers: dict[str, str]) -> None:
    stored = app_keys(guarded.settings).read()["app"]["sha256"]
    texts = {"key": key, "other": "A" * 43, "short": key[:-1], "hash": stored}
    answer = get(guarded, headers={name: value.format(**texts) for name, value in headers.items()})
    assert (answer.headers["WWW-Authenticate"], assert_error(answer, 401)) == ("Bearer", UNKNOWN)


@pytest.mark.parametrize("authorization", ["Basic YTpi", "{key}", "Bearer"])
def test_an_authorization_of_another_kind_is_no_key(guarded: RunningProxy, key: str, authorization: str) -> None:
    answer = get(guarded, headers={"Authorization": authorization.format(key=key)})
    assert assert_error(answer, 401) == MISSING
    assert get(guarded, headers={"Authorization": "Basic YTpi", "X-API-Key": key}).status_code == 200


def test_a_browser_may_ask_without_a_key_and_send_one(guarded: RunningProxy) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
    answer = requests.options(f"{guarded.url}/api/v1/predict", headers=headers, timeout=10)
    assert answer.status_code == 204
    assert_cors(answer)
    allowed = answer.headers["Access-Control-Allow-Headers"]
    assert allowed == "Content-Type, X-Request-ID, X-Request-Deadline-Ms, Authorization, X-API-Key"


def test_a_large_form_is_refused_before_it_is_sent(guarded: RunningProxy) -> None:
    with socket.create_connection(("127.0.0.1", guarded.settings.port), 10) as sock:
        sock.sendall(head("POST /api/v1/predict HTTP/1.1", "Content-Length: 10000000"))
        assert sock.recv(100).startswith(b"HTTP/1.1 401 ")


def test_keys_come_and_go_without_a_restart(guarded: RunningProxy, key: str, make_key: Callable[[str], str]) -> None:
    new = make_key("new")
    assert (status_of(guarded, key), status_of(guarded, new)) == (200, 200)
    app_keys(guarded.settings).remove("new")
    poll(lambda: status_of(guarded, new), lambda status: status == 401)
    assert status_of(guarded, key) == 200


@pytest.mark.parametrize("damage", ["{", "[]", None])
def test_a_file_that_cannot_be_read_lets_nobody_else_in_and_nobody_down(
    guarded: RunningProxy, key: str, make_key: Callable[[str], str], damage: str | None
) -> None:
    path = guarded.settings.api_keys_file
    before = path.read_text()
    told = guarded.log("proxy-error.log").count("the keys stay as they were")
    try:
        path.unlink()
        if damage is not None:
            path.write_text(damage)
        poll(lambda: guarded.log("proxy-error.log").count("the keys stay as they were") > told)
        assert status_of(guarded, key) == 200
        assert status_of(guarded, "A" * 43) == 401
        assert get(guarded).status_code == 401
    finally:
        path.write_text(before)
    make_key(f"after-{told}")


def test_what_is_no_key_in_the_file_is_passed_over(
    guarded: RunningProxy, key: str, make_key: Callable[[str], str]
) -> None:
    path = guarded.settings.api_keys_file
    keys = json.loads(path.read_text())
    odd = {"": keys["app"], 'a"b': keys["app"], "short": {"sha256": "0"}, "none": None, "number": {"sha256": 1}}
    path.write_text(json.dumps({**keys, **odd}))
    make_key("beside")
    assert status_of(guarded, key) == 200
    assert 'a\\"b' not in poll(lambda: Scrape(guarded.url).labels("key"), lambda names: "beside" in names)


def test_keys_hold_while_the_proxy_reloads(guarded: RunningProxy, key: str, make_key: Callable[[str], str]) -> None:
    """Its new processes let nobody in without a key, and refuse no known one, not even before they read the file."""
    done = Event()

    def keep_asking(headers: dict[str, str]) -> Counter[int]:
        statuses = Counter[int]()
        while not done.is_set():
            statuses[get(guarded, headers=headers).status_code] += 1
        return statuses

    sent: list[dict[str, str]] = [{"X-API-Key": key}, {"X-API-Key": "A" * 43}, {}]
    with ThreadPoolExecutor(len(sent)) as threads:
        asking = [threads.submit(keep_asking, headers) for headers in sent]
        try:
            for _ in range(3):
                reloading.reload(guarded.settings, guarded.pid)
        finally:
            done.set()
        assert [set(answered.result()) for answered in asking] == [{200}, {401}, {401}]
    assert status_of(guarded, make_key("after-reload")) == 200


def _log(proxy: RunningProxy) -> list[tuple[str | None, int, str | None]]:
    """Key, status and rejection of each request for the models."""
    lines = [json.loads(line) for line in proxy.log("proxy-access.log").splitlines()]
    models = [line for line in lines if line["path"] == "/api/v1/models"]
    return [(line.get("key"), line["status"], line.get("rejection")) for line in models]


def test_a_key_is_counted_and_logged_by_its_name_alone(guarded: RunningProxy, make_key: Callable[[str], str]) -> None:
    key = make_key("counted")
    before = Scrape(guarded.url)
    lines = len(_log(guarded))
    for given in ({"X-API-Key": key}, {"X-API-Key": f"{key[:-1]}."}, {}):
        get(guarded, headers=given)
    logged = poll(lambda: _log(guarded)[lines:], lambda lines: len(lines) == 3)
    assert set(logged) == {("counted", 200, None), (None, 401, "key_unknown"), (None, 401, "key_missing")}
    after = Scrape(guarded.url)

    def more(name: str, **labels: str) -> float:
        return after.value(name, **labels) - before.value(name, **labels)

    assert more("emotion_key_requests_total", key="counted", route="/api/v1/models", status="200") == 1
    assert more("emotion_rejections_total", model="", reason="key_unknown") == 1
    assert more("emotion_rejections_total", model="", reason="key_missing") == 1
    for path in guarded.settings.run_dir.rglob("*"):
        if path.is_file():
            assert key.encode() not in path.read_bytes(), path
