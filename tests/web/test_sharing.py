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
from .demo import PATIENCE, Demo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy

MODES = {
    "one": "?mode=one&model=MobileNetV2_CK%2B48&sample=fear",
    "all": "?mode=all&sample=fear",
    "faces": "?mode=faces&model=MobileNetV2_CK%2B48&sample=fear",
}
# What is the same each time the page and the code ask.
SAME = {"one": "top_emotion", "all": "agreement", "faces": "faces"}
RUNS = {"curl": ["bash", "-c"], "python": [sys.executable, "-c"], "javascript": ["node", "--input-type=module", "-e"]}


def _answered(cached: RunningProxy, open_demo: OpenDemo, mode: str, **options: Any) -> Demo:
    demo = open_demo(cached, opening=MODES[mode], **options)
    if mode == "all":
        demo.expect_comparison()
    else:
        expect(demo.page.locator('[data-state="done"]:is(#answer, #faces)')).to_be_visible(timeout=PATIENCE)
    demo.page.get_by_text("The same request in code").click()
    return demo


def _shown(demo: Demo, language: str) -> str:
    demo.page.locator(f"#languages label:has([value={language}])").click()
    expect(demo.page.locator("#command")).to_contain_text({"curl": "curl", "python": "requests"}.get(language, "fetch"))
    return demo.page.locator("#command").inner_text()


@pytest.mark.parametrize("mode", MODES)
def test_code_that_the_page_shows_gets_the_answer_that_it_shows(
    cached: RunningProxy, open_demo: OpenDemo, tmp_path: Path, mode: str
) -> None:
    demo = _answered(cached, open_demo, mode)
    shutil.copy(SAMPLES / "fear.jpg", tmp_path)
    wanted = json.loads(demo.page.locator("#json").inner_text())
    for language, program in RUNS.items():
        run = subprocess.run(
            [*program, _shown(demo, language)], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
        )
        if language == "curl":
            assert json.loads(run.stdout)[SAME[mode]] == wanted[SAME[mode]]
        assert "True" in run.stdout or "true" in run.stdout
    assert_accessible(demo.page)


@pytest.mark.parametrize("name", ["a;b,c.jpg", """it's "quoted" \\ é.jpg""", "two words.jpg", "$(exit)`exit`.jpg"])
def test_code_takes_a_file_of_any_name(cached: RunningProxy, open_demo: OpenDemo, tmp_path: Path, name: str) -> None:
    shutil.copy(SAMPLES / "fear.jpg", tmp_path / name)
    demo = open_demo(cached)
    demo.choose_model("MobileNetV2_CK+48")
    demo.choose_file(tmp_path / name)
    demo.expect_answer()
    demo.page.get_by_text("The same request in code").click()
    for language, program in RUNS.items():
        command = [*program, _shown(demo, language)]
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True)
        assert "fear" in run.stdout


def test_code_is_copied(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = _answered(cached, open_demo, "one", permissions=["clipboard-read", "clipboard-write"])
    shown = _shown(demo, "python")
    demo.page.get_by_role("button", name="Copy").click()
    expect(demo.page.get_by_role("button", name="Copied")).to_be_visible()
    assert demo.page.evaluate("navigator.clipboard.readText()") == shown


@pytest.mark.parametrize("mode", MODES)
def test_answer_is_saved_as_a_picture(cached: RunningProxy, open_demo: OpenDemo, tmp_path: Path, mode: str) -> None:
    demo = _answered(cached, open_demo, mode)
    with demo.page.expect_download() as download:
        demo.page.get_by_role("button", name="Save as a picture").click()
    assert download.value.suggested_filename == "emotions.png"
    download.value.save_as(tmp_path / "emotions.png")
    with Image.open(tmp_path / "emotions.png") as card:
        assert (card.format, card.size) == ("PNG", (1200, 630))
        for half in (card.crop((0, 0, 600, 630)), card.crop((630, 0, 1200, 630))):
            assert len(half.convert("RGB").getcolors(2**20) or []) > 20


def test_nothing_can_be_saved_without_an_answer(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached)
    expect(demo.page.get_by_role("button", name="Save as a picture")).to_be_disabled()
