"""Where keys are required, the page asks for one and keeps it until its tab is closed; TorchServe is not needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests
from playwright.sync_api import Page, expect

from scripts.access.apps import app_keys
from tests.support.places import SAMPLES
from tests.support.polling import poll
from tests.support.proxies import RunningProxy, running_proxy

from .browser import OpenPage
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from playwright.sync_api import Locator

# Chromium notes each failed request on its console; 503 is TorchServe's that is not there.
EXPECTED = ["the server responded with a status of (401|503)"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProxy]:
    with running_proxy(tmp_path_factory.mktemp("keys"), {"ALLOW_ANONYMOUS": "0"}) as proxy:
        yield proxy


def _new_key(proxy: RunningProxy, name: str) -> str:
    """A key that the proxy knows already."""
    key = app_keys(proxy.settings).add(name)
    headers = {"X-API-Key": key}
    poll(lambda: requests.get(f"{proxy.url}/api/v1/models", headers=headers, timeout=10).ok)
    return key


@pytest.fixture(scope="module")
def key(guarded: RunningProxy) -> str:
    return _new_key(guarded, "page")


@pytest.fixture
def page(guarded: RunningProxy, key: str, open_page: OpenPage) -> Page:
    return open_page(f"{guarded.url}/?mode=one", expected=EXPECTED)


def _field(page: Page) -> Locator:
    return page.get_by_label("Key", exact=True)


def _give(page: Page, key: str) -> None:
    _field(page).fill(key)
    page.get_by_role("button", name="Use this key").click()


def _expect_models(page: Page) -> None:
    expect(page.locator("#models input")).to_have_count(9)


def test_page_asks_for_a_key_until_it_gets_the_right_one(page: Page, key: str) -> None:
    expect(_field(page)).to_be_focused()
    expect(page.locator("#key-reason")).to_contain_text("A key is required; send it as")
    expect(page.locator("#service")).to_have_text("A key is required.")
    _give(page, "wrong")
    expect(page.locator("#key-reason")).to_contain_text("This key is not known here")
    expect(page.locator("#models input")).to_have_count(0)
    _give(page, f" {key} ")
    _expect_models(page)
    expect(_field(page)).to_be_hidden()
    expect(_field(page)).to_have_value("")


def test_key_is_given_with_the_keyboard_alone(page: Page, key: str) -> None:
    expect(_field(page)).to_be_focused()
    page.keyboard.type(key)
    page.keyboard.press("Enter")
    _expect_models(page)


def test_key_is_kept_for_the_tab_and_for_no_other(guarded: RunningProxy, page: Page, key: str) -> None:
    _give(page, key)
    _expect_models(page)
    page.reload()
    _expect_models(page)
    other = page.context.new_page()
    other.goto(f"{guarded.url}/?mode=one")
    expect(_field(other)).to_be_visible()
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length") == 0


def test_picture_chosen_before_the_key_is_sent_once_there_is_one(page: Page, key: str) -> None:
    expect(_field(page)).to_be_visible()
    page.locator("#file").set_input_files(SAMPLES / "fear.jpg")
    with page.expect_request("**/api/v1/predict") as sent:
        _give(page, key)
    assert sent.value.headers["authorization"] == f"Bearer {key}"
    expect(page.locator("#message-title")).to_have_text("MobileNetV2_FER2013 is not ready yet")
    page.get_by_text("The same request in code").click()
    expect(page.locator("#command")).to_contain_text('curl -H "Authorization: Bearer $API_KEY" -F ')
    assert key not in page.content()


def test_key_that_was_removed_is_asked_for_again(guarded: RunningProxy, page: Page, key: str) -> None:
    keys = app_keys(guarded.settings)
    _give(page, _new_key(guarded, "passing"))
    _expect_models(page)
    keys.remove("passing")
    # The page looks every two seconds.
    expect(page.locator("#key-reason")).to_contain_text("This key is not known here")
    _give(page, key)
    expect(page.locator("#service")).to_have_text("Not ready: 0 of 9 models ready")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_question_passes_the_audit(guarded: RunningProxy, open_page: OpenPage, scheme: str) -> None:
    page = open_page(f"{guarded.url}/?mode=one", expected=EXPECTED, color_scheme=scheme, reduced_motion="reduce")
    expect(_field(page)).to_be_visible()
    assert_accessible(page)


def test_swagger_ui_takes_a_key(guarded: RunningProxy, open_page: OpenPage, key: str) -> None:
    page = open_page(f"{guarded.url}/docs", expected=EXPECTED)
    page.get_by_role("button", name="Authorize").click()
    page.locator("#auth-bearer-value").fill(key)
    page.get_by_role("button", name="Apply credentials").first.click()
    page.get_by_role("button", name="Close", exact=True).first.click()
    page.locator("#operations-Service-models").get_by_role("button").first.click()
    with page.expect_response("**/api/v1/models") as answer:
        page.locator("#operations-Service-models").get_by_role("button", name="Execute").click()
    assert answer.value.status == 200
