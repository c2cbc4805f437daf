"""How the page opens: a drawing that all models have answered already, and what its address can ask for instead."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from playwright.sync_api import expect

from tests.support.models import OTHER
from tests.support.places import SAMPLES

from .browser import OpenDemo

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy
    from tests.support.sites import Site
    from tests.support.stacks import StartStack


def _compare(cached: RunningProxy, name: str) -> dict[str, Any]:
    with (SAMPLES / f"{name}.jpg").open("rb") as file:
        answer: dict[str, Any] = requests.post(f"{cached.url}/api/v1/compare", files={"file": file}, timeout=60).json()
    return answer


def test_page_opens_with_all_nine_answers_and_their_agreement(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached, opening="")
    demo.expect_comparison()
    expect(demo.page.get_by_role("img", name="The picture that was sent: happiness.jpg")).to_be_visible()
    agreement = _compare(cached, "happiness")["agreement"]
    words = f"{agreement['models']} of 9 stand-ins see {agreement['top_emotion']}"
    expect(demo.page.locator("#agreement strong")).to_have_text(words)
    expect(demo.page.locator(".card .tag:visible")).to_have_text(["stand-in"] * 9)
    expect(demo.page.locator("#samples-note")).to_have_text("Stand-ins serve, which know drawings only.")


def _real(description: bytes) -> bytes:
    return json.dumps({**json.loads(description), "stand_in": False}).encode()


def test_stand_in_among_real_checkpoints_is_tagged_and_not_counted(
    start_stack: StartStack, open_demo: OpenDemo, two_models: Site
) -> None:
    two_models.change_file(OTHER, "model.json", _real)
    with start_stack(**two_models.places) as stack:
        demo = open_demo(stack, opening="")
        expect(demo.page.locator(".card .tag:visible")).to_have_count(1)
        demo.page.get_by_role("button", name="Drawing: fear").click()
        demo.expect_comparison(2)
        expect(demo.page.locator("#agreement strong")).to_contain_text("1 of 1 see ")
        expect(demo.page.locator("#samples-note")).to_have_text(
            "Networks that were trained on photographs misread drawings."
        )


@pytest.mark.parametrize("model", ["VGG19_CK+48", OTHER])
def test_address_says_mode_model_and_sample(cached: RunningProxy, open_demo: OpenDemo, model: str) -> None:
    demo = open_demo(cached)
    demo.choose_model(model)
    demo.page.get_by_role("button", name="Drawing: surprise").click()
    demo.expect_answer()
    query = demo.page.url.partition("?")[2]
    again = open_demo(cached, opening=f"?{query}")
    again.expect_answer()
    expect(again.page.locator("#models :checked")).to_have_value(model)
    expect(again.note).to_have_text("surprise.jpg")
    expect(again.page.locator("#json")).to_contain_text(f'"{model}"')


def test_address_keeps_no_picture_of_the_visitor(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached, opening="?mode=one&sample=fear")
    demo.expect_answer()
    demo.choose_file(SAMPLES / "anger.jpg")
    demo.expect_answer()
    assert "sample" not in demo.page.url


def test_unknown_names_in_the_address_do_no_harm(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached, opening="?mode=some&model=Nothing&sample=../../x")
    expect(demo.page.locator("#models :checked")).to_have_value("MobileNetV2_FER2013")
    expect(demo.page.locator(".invitation")).to_be_visible()
    demo.expect_no_answer()
