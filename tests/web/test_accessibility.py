"""The page under axe-core, the rules of WCAG 2.2 AA and good practice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from .browser import OpenDemo

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


def assert_accessible(page: Page) -> None:
    results = Axe().run(page, options={"resultTypes": ["violations"]})
    assert results.violations_count == 0, results.generate_report()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_page_passes_the_audit_in_each_of_its_views(
    cached: RunningProxy, open_demo: OpenDemo, face: Path, scheme: str, viewport: dict[str, int]
) -> None:
    demo = open_demo(cached, color_scheme=scheme, viewport=viewport, reduced_motion="reduce")
    assert_accessible(demo.page)
    demo.choose_file(face)
    demo.expect_answer()
    demo.page.get_by_text("The same request in code").click()
    assert_accessible(demo.page)
    demo.compare()
    demo.expect_comparison()
    assert_accessible(demo.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_messages_pass_the_audit(cached: RunningProxy, open_demo: OpenDemo, scheme: str) -> None:
    expected = ["the server responded with a status of 415"]
    demo = open_demo(cached, color_scheme=scheme, reduced_motion="reduce", expected=expected)
    demo.choose_bytes("bad.jpg", b"no picture at all")
    demo.expect_message("This is not a picture the service reads")
    assert_accessible(demo.page)


def test_screen_reader_hears_models_answer_and_state(cached: RunningProxy, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(cached)
    expect(demo.page.get_by_role("radio", name="VGG19_CK+48, stand-in")).to_be_attached()
    expect(demo.page.get_by_role("radio", name="Compare all 9")).to_be_attached()
    demo.choose_file(face)
    demo.expect_answer()
    top = demo.page.locator("#top").inner_text()
    spoken = demo.page.locator("#spoken")
    expect(spoken).to_have_text(f"MobileNetV2_FER2013: {top}, {demo.page.locator('#confidence').inner_text()}")
    expect(spoken).to_have_role("status")
    expect(demo.service).to_have_role("status")
    expect(demo.page.get_by_role("img", name="The picture that was sent: happiness.jpg")).to_be_visible()
