"""The pictures of the README: taken in each run, kept where PICTURES says (``PICTURES=docs/images``)."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from playwright.sync_api import Page

from .browser import OpenDemo, OpenPage

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

LIMIT = 200_000  # bytes
SETTLED = 700  # milliseconds until the bars have moved


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the pictures go."""
    wanted = os.environ.get("PICTURES")
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _take(page: Page, path: Path, **options: bool) -> None:
    page.wait_for_timeout(SETTLED)
    screenshot = Image.open(io.BytesIO(page.screenshot(**options)))  # type: ignore[arg-type]
    screenshot.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, kmeans=4).save(path, optimize=True)
    assert path.stat().st_size < LIMIT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_picture_of_the_page(stack: RunningStack, open_demo: OpenDemo, folder: Path, scheme: str) -> None:
    demo = open_demo(stack, color_scheme=scheme, viewport={"width": 1280, "height": 860})
    demo.page.get_by_role("button", name="Drawing: happiness").click()
    demo.expect_answer()
    demo.page.mouse.move(0, 0)
    _take(demo.page, folder / f"page-{scheme}.png")


def test_picture_of_the_comparison(stack: RunningStack, open_demo: OpenDemo, folder: Path) -> None:
    demo = open_demo(stack, viewport={"width": 1280, "height": 860})
    demo.compare()
    demo.page.get_by_role("button", name="Drawing: surprise").click()
    demo.expect_comparison()
    demo.page.mouse.move(0, 0)
    _take(demo.page, folder / "page-compare.png", full_page=True)


def test_picture_of_the_page_on_a_phone(stack: RunningStack, open_demo: OpenDemo, folder: Path) -> None:
    demo = open_demo(stack, viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    demo.page.get_by_role("button", name="Drawing: fear").click()
    demo.expect_answer()
    _take(demo.page, folder / "page-phone.png", full_page=True)


def test_picture_of_the_documentation(stack: RunningStack, open_page: OpenPage, folder: Path) -> None:
    page = open_page(f"{stack.url}/docs", viewport={"width": 1280, "height": 900})
    page.locator(".opblock-summary-path").first.wait_for()
    _take(page, folder / "docs.png")
