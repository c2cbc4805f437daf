"""What is shown beside a link to the page: who gets it, and where its picture is. https://ogp.me"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from PIL import Image

from tests.proxy.test_sub_path import PREFIX
from tests.support import h2
from tests.support.authority import Authority
from tests.support.proxies import RunningProxy, running_proxy

PICTURE = "static/preview.jpg"
AS_BROWSER = {"Accept": "text/html"}


def said(page: str) -> dict[str, str]:
    return dict(re.findall(r'<meta property="og:([a-z:]+)" content="([^"]+)">', page))


def picture_of(url: str, **headers: str) -> str:
    """The picture's address on the page at ``url``."""
    answer = requests.get(url, headers=AS_BROWSER | headers, timeout=10)
    assert "<!--#" not in answer.text
    return said(answer.text)["image"]


@pytest.fixture(scope="module", params=["127.0.0.1", "none"])
def before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy that trusts this machine's proxies, or none, and serves one name besides localhost."""
    settings = {"TRUSTED_PROXIES": request.param, "SERVER_NAMES": "localhost emotions.example.org"}
    with running_proxy(tmp_path_factory.mktemp("before"), settings) as running:
        yield running


def test_page_says_what_to_show_beside_a_link_to_it(proxy: tuple[str, psutil.Process]) -> None:
    page = requests.get(f"{proxy[0]}/?mode=one", headers=AS_BROWSER, timeout=10).text
    told = said(page)
    assert told.keys() == {"title", "description", "type", "image", "image:width", "image:height", "image:alt"}
    assert told["image"] == f"{proxy[0]}/{PICTURE}"
    picture = requests.get(told["image"], timeout=10)
    with Image.open(io.BytesIO(picture.content)) as image:
        assert image.size == (int(told["image:width"]), int(told["image:height"]))
    assert len(picture.content) < 100_000


@pytest.mark.parametrize(
    "agent",
    [
        "facebookexternalhit/1.1",
        "Slackbot-LinkExpanding 1.0",
        "WhatsApp/2.23",
        "Mozilla/5.0 (compatible; Discordbot/2.0)",
    ],
)
def test_those_who_show_links_get_the_page_whatever_they_accept(proxy: tuple[str, psutil.Process], agent: str) -> None:
    answer = requests.get(f"{proxy[0]}/", headers={"Accept": "*/*", "User-Agent": agent}, timeout=10)
    assert said(answer.text)["image"] == f"{proxy[0]}/{PICTURE}"


def test_the_picture_is_at_the_name_that_was_asked(before: RunningProxy) -> None:
    host = f"emotions.example.org:{before.settings.port}"
    assert picture_of(f"{before.url}/", Host=host) == f"http://{host}/{PICTURE}"
    assert requests.get(f"{before.url}/", headers={**AS_BROWSER, "Host": "evil.example"}, timeout=10).status_code == 421


@pytest.mark.parametrize("host", ['a"b', "a<b", "a b", "a'b", "a&b", "a$b"])
def test_a_host_that_is_no_name_is_not_written_into_the_page(tmp_path: Path, host: str) -> None:
    with running_proxy(tmp_path / "run", {"SERVER_NAMES": "all"}) as running:
        answer = requests.get(f"{running.url}/", headers={**AS_BROWSER, "Host": host}, timeout=10)
    assert answer.status_code == 400 or said(answer.text)["image"] == PICTURE


def test_scheme_and_path_of_another_proxy_are_taken_from_trusted_ones_alone(before: RunningProxy) -> None:
    told = {"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/apps/emotions/"}
    url = before.url.removeprefix("http://")
    trusted = bool(before.settings.trusted_proxies)
    expected = f"https://{url}/apps/emotions/{PICTURE}" if trusted else f"http://{url}/{PICTURE}"
    assert picture_of(f"{before.url}/", **told) == expected


@pytest.mark.parametrize(
    "told",
    [{"X-Forwarded-Proto": 'ftp"'}, {"X-Forwarded-Prefix": '/a"><script>'}, {"X-Forwarded-Prefix": "//other.example"}],
)
def test_what_is_no_scheme_or_path_is_ignored(before: RunningProxy, told: dict[str, str]) -> None:
    assert picture_of(f"{before.url}/", **told) == f"{before.url}/{PICTURE}"


def test_a_path_that_is_left_on_is_the_pictures_too(tmp_path: Path) -> None:
    with running_proxy(tmp_path / "run", {"ROOT_PATH": PREFIX}) as running:
        assert picture_of(f"{running.url}{PREFIX}/?mode=one") == f"{running.url}{PREFIX}/{PICTURE}"
        assert picture_of(f"{running.url}/") == f"{running.url}/{PICTURE}"
        assert requests.get(f"{running.url}{PREFIX}/{PICTURE}", timeout=10).status_code == 200


def test_the_page_by_https_has_its_picture_there(tls_proxy: RunningProxy, authority: Authority) -> None:
    url = tls_proxy.settings.url
    answer = requests.get(f"{url}/", headers=AS_BROWSER, verify=str(authority.file), timeout=10)
    assert said(answer.text)["image"] == f"{url}/{PICTURE}"
    with h2.connection(url, authority.client("h2")) as http:
        reply = http.request("GET", "/", {"accept": "text/html"})
    assert said(reply.text)["image"] == f"{url}/{PICTURE}"


def test_a_page_that_is_kept_stays_valid(proxy: tuple[str, psutil.Process]) -> None:
    url = f"{proxy[0]}/"
    first = requests.get(url, headers=AS_BROWSER, timeout=10)
    assert first.headers["Content-Encoding"] == "gzip"
    for name, header in (("ETag", "If-None-Match"), ("Last-Modified", "If-Modified-Since")):
        again = requests.get(url, headers={**AS_BROWSER, header: first.headers[name]}, timeout=10)
        assert (again.status_code, again.content) == (304, b"")
