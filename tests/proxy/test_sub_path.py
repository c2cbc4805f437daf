"""The page, its documentation and the API below a path of another proxy, which takes the path off or leaves it on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.proxy.forms import UNKNOWN, error, form
from tests.support.fronts import running_front
from tests.support.polling import poll
from tests.support.proxies import RunningProxy, running_proxy

PREFIX = "/apps/emo.tions-1"
LINK = re.compile(r'(?:href|src)="([^"]+)"|(?:from|import\(?) ?"(\./[^"]+)"')
PAGES = ("", "docs", "redoc")


@pytest.fixture(scope="module", params=["taken off", "left on"])
def strips(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "taken off")


@pytest.fixture(scope="module")
def behind(strips: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """The proxy behind the other one. Only a path that is left on needs the setting."""
    settings = {} if strips else {"ROOT_PATH": PREFIX}
    with running_proxy(tmp_path_factory.mktemp("behind"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def front(behind: RunningProxy, strips: bool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the other proxy, with the path."""
    folder = tmp_path_factory.mktemp("front") / "nginx"
    with running_front(folder, behind.settings.port, PREFIX, strips=strips) as url:
        yield url


def get(url: str) -> requests.Response:
    return requests.get(url, headers={"Accept": "text/html"}, timeout=10, allow_redirects=False)


@pytest.mark.parametrize("page", PAGES)
def test_all_that_a_page_links_to_is_below_the_path_and_there(front: str, page: str) -> None:
    waiting, seen = [f"{front}/{page}"], set()
    while waiting:
        address = waiting.pop()
        seen.add(address)
        assert urlsplit(address).path.startswith(f"{PREFIX}/"), address
        answer = get(address)
        assert answer.status_code == 200, address
        if "/docs/" in address or answer.headers["Content-Type"].startswith("image"):
            continue  # a bundle of others, which has no links that are followed
        links = [first or second for first, second in LINK.findall(answer.text)]
        waiting += [to for to in (urljoin(address, link) for link in links) if to not in seen | set(waiting)]
    assert len(seen) > 10


def test_the_description_says_where_the_service_is(front: str) -> None:
    address = f"{front}/openapi.json"
    (server,) = get(address).json()["servers"]
    assert urljoin(address, server["url"]) == f"{front}/"


@pytest.mark.parametrize(("path", "status"), [("/api/v1/health/live", 200), ("/api/v1/models", 200), ("/nowhere", 404)])
def test_the_api_answers_below_the_path(front: str, path: str, status: int) -> None:
    answer = requests.get(front + path, timeout=10)
    assert answer.status_code == status
    assert status == 200 or answer.json()["error"].startswith("There is nothing at '/nowhere';")


def test_a_form_is_read_below_the_path(front: str) -> None:
    message = error(f"{front}/api/v1/predict", "x", form("x", ("file", b"1"), ("model", UNKNOWN.encode())))
    assert message.startswith(f"Unknown model '{UNKNOWN}';")


def test_a_page_below_the_path_may_post(front: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": front.removesuffix(PREFIX)}
    body = form("x", ("file", b"1"), ("model", UNKNOWN.encode()))
    assert requests.post(f"{front}/api/v1/predict", data=body, headers=headers, timeout=10).status_code == 400


def test_the_path_without_its_last_slash_leads_to_the_page(front: str) -> None:
    answer = get(front)
    assert answer.status_code in (301, 308)
    assert urljoin(front, answer.headers["Location"]) == f"{front}/"
    assert "<title>Emotion detection</title>" in requests.get(front, headers={"Accept": "text/html"}, timeout=10).text


def test_the_log_has_the_path_of_the_service(front: str, behind: RunningProxy) -> None:
    get(f"{front}/api/v1/health/live?from=below")

    def paths() -> set[str]:
        return {json.loads(line)["path"] for line in behind.log("proxy-access.log").splitlines()}

    assert all(PREFIX not in path for path in poll(paths, lambda found: "/api/v1/health/live" in found))


def test_the_service_itself_answers_without_the_path_too(behind: RunningProxy) -> None:
    assert requests.get(f"{behind.url}/api/v1/health/live", timeout=10).status_code == 200
    assert get(f"{behind.url}/docs").status_code == 200


def test_a_redirect_of_the_path_keeps_the_host_that_was_asked(tmp_path: Path) -> None:
    """It names none: behind another proxy, the service does not know it."""
    with running_proxy(tmp_path / "run", {"ROOT_PATH": "/emotions/"}) as running:
        answer = get(f"{running.url}/emotions?lang=de")
        assert (answer.status_code, answer.headers["Location"]) == (308, "/emotions/?lang=de")
        assert get(f"{running.url}/emotionsx").status_code == 404
        assert requests.post(f"{running.url}/emotions/api/v1/health", timeout=10).status_code == 405
