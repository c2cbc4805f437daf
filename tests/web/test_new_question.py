"""Every new question takes the answer to the one before away, whatever becomes of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Route, expect

from .browser import OpenDemo
from .demo import PATIENCE, Demo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy

ANSWER = "#answer[data-state=done], .card[data-state=done]"
MEBIBYTE = 1024 * 1024
ASKED = re.compile("/api/v1/(predict|compare)$")


@pytest.fixture(params=["one", "all"])
def answered(request: pytest.FixtureRequest, cached: RunningProxy, open_demo: OpenDemo) -> Demo:
    """The page with an answer, of one model or of all."""
    demo = open_demo(
        cached, opening=f"?mode={request.param}&sample=fear", expected=["a status of 415"], reduced_motion="reduce"
    )
    if request.param == "one":
        demo.expect_answer()
    else:
        demo.expect_comparison()
    return demo


def test_file_that_is_no_picture(answered: Demo) -> None:
    answered.choose_bytes("bad.jpg", b"no picture at all")
    answered.expect_message("This is not a picture the service reads")
    answered.expect_no_answer()
    expect(answered.page.locator("#unseen")).to_have_text("This browser cannot show bad.jpg.")
    expect(answered.page.locator("#preview")).to_be_hidden()
    assert_accessible(answered.page)


def test_empty_file(answered: Demo) -> None:
    answered.choose_bytes("empty.jpg", b"")
    answered.expect_message("empty.jpg is empty")
    answered.expect_no_answer()
    expect(answered.page.locator("#preview")).to_be_hidden()
    expect(answered.page.locator(".invitation")).to_be_visible()
    assert_accessible(answered.page)


def test_file_over_the_limit(answered: Demo, tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    huge.write_bytes(bytes(11 * MEBIBYTE))
    answered.choose_file(huge)
    answered.expect_message("huge.jpg is too large")
    expect(answered.page.locator("#message-detail")).to_contain_text("11.0 MiB; the service takes up to 10 MiB")
    answered.expect_no_answer()
    expect(answered.page.locator("#preview")).to_be_hidden()


def test_while_the_next_answer_is_on_its_way(answered: Demo) -> None:
    held: list[Route] = []
    answered.page.route(ASKED, lambda route: held.append(route))
    answered.page.get_by_role("button", name="Drawing: anger").click()
    expect(answered.note).to_have_text("anger.jpg")
    answered.expect_no_answer()
    assert_accessible(answered.page)
    for route in held:
        route.continue_()
    expect(answered.page.locator(ANSWER).first).to_be_attached(timeout=PATIENCE)


def test_webcam_that_is_not_allowed(answered: Demo) -> None:
    answered.page.get_by_role("button", name="Use the webcam").click()
    answered.expect_message("The webcam is not allowed here")
    answered.expect_no_answer()


def test_picture_after_an_error_takes_the_error_away(answered: Demo, face: Path) -> None:
    answered.choose_bytes("empty.jpg", b"")
    answered.expect_message("empty.jpg is empty")
    answered.choose_file(face)
    expect(answered.message).to_be_hidden()
    expect(answered.page.locator(ANSWER).first).to_be_attached(timeout=PATIENCE)
