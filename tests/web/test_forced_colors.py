"""In forced colours, as of Windows' high contrast, bars and choices are still to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator

from .browser import OpenDemo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy


def _background(box: Locator) -> str:
    colour: str = box.evaluate("(each) => getComputedStyle(each).backgroundColor")
    return colour


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_bars_and_choices_keep_a_colour_of_their_own(cached: RunningProxy, open_demo: OpenDemo, scheme: str) -> None:
    demo = open_demo(cached, opening="?mode=one&sample=fear", forced_colors="active", color_scheme=scheme)
    demo.expect_answer()
    paper = _background(demo.page.locator("body"))
    chosen, other = "#mode :checked + span", "#mode input:not(:checked) + span"
    assert _background(demo.page.locator(chosen)) != _background(demo.page.locator(other).first)
    assert _background(demo.page.locator("#models label:has(:checked)")) != paper
    first = _background(demo.page.locator("#bars .first .fill"))
    assert first not in (paper, _background(demo.page.locator("#bars li:not(.first) .fill").first))
    assert_accessible(demo.page)


def test_parts_of_a_cards_bar_can_be_told_apart(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached, opening="", forced_colors="active")
    demo.expect_comparison()
    bar = demo.cards.first.locator(".bars")
    assert _background(bar.locator(".first")) not in (
        _background(bar),
        _background(bar.locator("li:not(.first)").first),
    )
    assert_accessible(demo.page)
