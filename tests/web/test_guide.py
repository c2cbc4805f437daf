"""The documentation as a site: it is built without a warning, and served at /guide/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from scripts.guide.__main__ import GuideError, build_site
from scripts.proxy.pages import guide_dir
from scripts.settings import ROOT
from tests.support.proxies import RunningProxy, running_proxy

from .browser import OpenPage


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    """A proxy that has the guide; building it fails at a link that leads nowhere and at a page that is not listed."""
    folder = tmp_path_factory.mktemp("guide")
    with running_proxy(folder / "run", {}) as proxy:
        build_site(folder / "pages", guide_dir(proxy.settings))
        yield proxy


def test_guide_is_read_searched_and_asks_no_other_host(served: RunningProxy, open_page: OpenPage) -> None:
    page = open_page(f"{served.settings.url}/guide")
    expect(page).to_have_url(f"{served.settings.url}/guide/")
    expect(page.get_by_role("heading", name="Face emotions on TorchServe")).to_be_visible()
    page.get_by_role("link", name="Troubleshooting").first.click()
    expect(page.get_by_role("heading", name="Troubleshooting")).to_be_visible()
    page.keyboard.press("f")  # the search
    page.keyboard.type("Retry-After")
    expect(page.locator(".md-search-result__item").first).to_be_visible()


def test_guide_has_every_page_of_the_documentation(served: RunningProxy) -> None:
    for page in (ROOT / "docs").glob("*.md"):
        answer = requests.get(f"{served.settings.url}/guide/docs/{page.stem}.html", timeout=10)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert requests.get(f"{served.settings.url}/guide/none.html", timeout=10).json()["success"] is False


def test_dead_link_ends_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = tmp_path / "pages"
    monkeypatch.setattr("scripts.guide.__main__._link_sources", lambda _: None)
    (pages / "docs").mkdir(parents=True)
    (pages / "README.md").write_text("[gone](docs/gone.md)")
    with pytest.raises(GuideError, match="the guide is not built: Aborted with"):
        build_site(pages, tmp_path / "site")
