"""What a visitor takes along: the request as code, which does what the page did, and the answer as a picture."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.support.places import SAMPLES

from .browser import OpenDemo
from .demo import Demo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODES = {"one": "?mode=one&model=MobileNetV2_CK%2B48&sample=fear", "all": "?mode=all&sample=fear"}
RUNS = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"], "javascript": ["node", "--input-type=module", "-e"]}


def _answered(stack: RunningStack, open_demo: OpenDemo, mode: str, **options: Any) -> Demo:
    demo = open_demo(stack, opening=MODES[mode], **options)
    if mode == "one":
        demo.expect_answer()
    else:
        demo.expect_comparison()
    demo.page.get_by_text("The same request in code").click()
    return demo


def _shown(demo: Demo, language: str) -> str:
    demo.page.locator(f"#languages label:has([value={language}])").click()
    expect(demo.page.locator("#command")).to_contain_text({"curl": "curl", "python": "requests"}.get(language, "fetch"))
    return demo.page.locator("#command").inner_text()


@pytest.mark.parametrize("mode", MODES)
def test_code_that_the_page_shows_gets_the_answer_that_it_shows(
    stack: RunningStack, open_demo: OpenDemo, tmp_path: Path, mode: str
) -> None:
    demo = _answered(stack, open_demo, mode)
    shutil.copy(SAMPLES / "fear.jpg", tmp_path)
    wanted = json.loads(demo.page.locator("#json").inner_text())
    top = wanted["top_emotion"] if mode == "one" else wanted["agreement"]
    for language, program in RUNS.items():
        run = subprocess.run(
            [*program, _shown(demo, language)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        if language == "curl":
            answer = json.loads(run.stdout)
            assert (answer["top_emotion"] if mode == "one" else answer["agreement"]) == top
        assert "True" in run.stdout or "true" in run.stdout
    assert_accessible(demo.page)


def test_code_is_copied(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = _answered(stack, open_demo, "one", permissions=["clipboard-read", "clipboard-write"])
    shown = _shown(demo, "python")
    demo.page.get_by_role("button", name="Copy").click()
    expect(demo.page.get_by_role("button", name="Copied")).to_be_visible()
    assert demo.page.evaluate("navigator.clipboard.readText()") == shown


@pytest.mark.parametrize("mode", MODES)
def test_answer_is_saved_as_a_picture(stack: RunningStack, open_demo: OpenDemo, tmp_path: Path, mode: str) -> None:
    demo = _answered(stack, open_demo, mode)
    with demo.page.expect_download() as download:
        demo.page.get_by_role("button", name="Save as a picture").click()
    assert download.value.suggested_filename == "emotions.png"
    download.value.save_as(tmp_path / "emotions.png")
    with Image.open(tmp_path / "emotions.png") as card:
        assert (card.format, card.size) == ("PNG", (1200, 630))
        for half in (card.crop((0, 0, 600, 630)), card.crop((630, 0, 1200, 630))):
            assert len(half.convert("RGB").getcolors(2**20) or []) > 20


def test_nothing_can_be_saved_without_an_answer(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack)
    expect(demo.page.get_by_role("button", name="Save as a picture")).to_be_disabled()
