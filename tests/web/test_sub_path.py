"""The page and Swagger UI in a browser, below a path of another proxy. No model is behind them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.support.fronts import running_front
from tests.support.proxies import running_proxy

from .browser import OpenPage

PREFIX = "/emotions"
NOT_SERVED = [r"status of 503", r"status of 500"]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("front")
    with (
        running_proxy(folder / "run", {}) as running,
        running_front(folder / "nginx", running.settings.port, PREFIX, strips=True) as url,
    ):
        yield url


def test_the_page_asks_the_service_below_the_path(front: str, open_page: OpenPage) -> None:
    asked: set[str] = set()
    page = open_page(
        f"{front}/?mode=one",
        expected=NOT_SERVED,
        prepare=lambda context: context.on("request", lambda request: asked.add(request.url)),
    )
    expect(page.locator("#models input").first).to_be_attached()
    page.locator("#samples button").first.click()
    expect(page.locator("#message")).to_be_visible()
    page.get_by_text("The same request in code").click()
    expect(page.locator("#command")).to_contain_text(f" {front}/api/v1/predict")
    assert {f"{front}/api/v1/{name}" for name in ("health", "models", "predict")} <= asked
    assert all(address.startswith((f"{front}/", "blob:")) for address in asked)


def test_swagger_ui_asks_the_service_below_the_path(front: str, open_page: OpenPage) -> None:
    page = open_page(f"{front}/docs", expected=NOT_SERVED)
    operation = page.locator("#operations-Service-live")
    operation.locator(".opblock-summary-control").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
    expect(operation.locator(".request-url")).to_contain_text(f"{front}/api/v1/health/live")


def test_redoc_reads_the_description_below_the_path(front: str, open_page: OpenPage) -> None:
    page = open_page(f"{front}/redoc")
    expect(page.get_by_role("heading", name="Predict the emotion on a picture")).to_be_visible()
