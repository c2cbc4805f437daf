"""/docs and /redoc: Swagger UI and Redoc over /openapi.json, from this server alone."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import expect

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT

from .browser import OpenPage

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

ROUTES = ("/", "/api/v1/predict", "/api/v1/compare", "/api/v1/models", "/api/v1/health")


def test_swagger_ui_shows_every_route(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page(f"{stack.url}/docs")
    for route in ROUTES:
        expect(page.locator(".opblock-summary-path").get_by_text(route, exact=True)).to_be_visible()


def test_try_it_out_predicts(stack: RunningStack, open_page: OpenPage, face: Path) -> None:
    page = open_page(f"{stack.url}/docs")
    page.locator("#operations-Prediction-predict .opblock-summary-control").click()
    operation = page.locator("#operations-Prediction-predict")
    operation.locator("input[type=file]").set_input_files(face)
    choice = operation.locator("select", has=page.locator('option[value="VGG19_CK+48"]'))
    assert choice.locator("option").all_text_contents() == list(load_catalogue(ROOT / "models.json"))
    choice.select_option("VGG19_CK+48")
    operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    expect(answer.locator(".response-col_status")).to_contain_text("200")
    body = json.loads(answer.locator(".highlight-code code").first.inner_text())
    assert body["model"] == "VGG19_CK+48"
    assert body["confidence"] == max(body["predictions"].values())


def test_redoc_shows_every_route(stack: RunningStack, open_page: OpenPage) -> None:
    page = open_page(f"{stack.url}/redoc")
    expect(page.get_by_role("heading", name="Predict the emotion on a picture")).to_be_visible()
    text = page.locator("#docs").inner_text()
    for route in ROUTES[1:]:
        assert route in text
    expect(page.get_by_role("heading", name=re.compile("Emotion detection"))).to_be_visible()


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_documentation_runs_no_inline_script(stack: RunningStack, path: str) -> None:
    page = requests.get(f"{stack.url}{path}", timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    assert "default-src 'none';" in page.headers["Content-Security-Policy"]


def test_bundles_are_sent_compressed_and_kept_until_they_change(stack: RunningStack) -> None:
    url = f"{stack.url}/docs/swagger-ui-bundle.js"
    first = requests.get(url, timeout=10)
    assert first.headers["Content-Encoding"] == "gzip"
    again = requests.get(url, headers={"If-None-Match": first.headers["ETag"]}, timeout=10)
    assert (again.status_code, again.content) == (304, b"")


# The lightness, from 0 to 255, of what is behind a text and of the text itself.
LIGHTNESS = """(text) => {
    const light = (colour) => colour.match(/[\\d.]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3;
    let behind = text;
    while (behind && /rgba\\(.*, 0\\)/.test(getComputedStyle(behind).backgroundColor)) behind = behind.parentElement;
    return [light(getComputedStyle(behind ?? document.body).backgroundColor), light(getComputedStyle(text).color)];
}"""


@pytest.mark.parametrize(("path", "text"), [("/docs", "#docs .info p"), ("/redoc", "#docs .api-content p")])
def test_documentation_is_dark_for_those_who_want_it_dark(
    stack: RunningStack, open_page: OpenPage, path: str, text: str
) -> None:
    for scheme in ("dark", "light"):
        page = open_page(f"{stack.url}{path}", color_scheme=scheme)
        behind, ink = page.locator(text).first.evaluate(LIGHTNESS)
        assert (behind < 64 and ink > 128) if scheme == "dark" else (behind > 192 and ink < 128), (behind, ink)
