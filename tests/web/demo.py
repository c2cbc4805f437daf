"""The demonstration page as its visitors use it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

EMOTION = re.compile("anger|contempt|disgust|fear|happiness|neutral|sadness|surprise")
PATIENCE = 90_000  # milliseconds for an answer; a model that is loaded first may take the most of it


class Demo:
    """The page in a browser; what it shows, in the page's own words."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.answer = page.locator("#answer")
        self.cards = page.locator(".card")
        self.message = page.locator("#message")
        self.note = page.locator("#source-note")
        self.service = page.locator("#service")
        self.models = page.locator("#models")

    def wait_for_models(self) -> Demo:
        """Wait until the models can be chosen."""
        expect(self.page.locator("#models input").first).to_be_attached()
        return self

    def choose_file(self, path: Path) -> None:
        """Choose a file as with the file dialogue."""
        self.page.locator("#file").set_input_files(path)

    def choose_bytes(self, name: str, content: bytes) -> None:
        """Choose a file of this name and content."""
        self.page.locator("#file").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": content})

    def choose_model(self, name: str) -> None:
        """Choose a model by clicking on its cell."""
        self.page.locator("#models label", has=self.page.locator(f'input[value="{name}"]')).click()

    def one_model(self) -> None:
        """Switch to one model."""
        self.page.locator("#mode label").nth(0).click()

    def compare(self) -> None:
        """Switch to all models."""
        self.page.locator("#mode label").nth(1).click()

    def expect_answer(self) -> dict[str, str]:
        """Wait for the answer; the percentages that are shown, by label."""
        expect(self.answer).to_have_attribute("data-state", "done", timeout=PATIENCE)
        return self.bars(self.answer)

    def expect_no_answer(self) -> None:
        """Nothing of an earlier answer is on the page: no emotion, no share, no bar, no JSON, nothing to be spoken."""
        expect(self.answer).not_to_have_attribute("data-state", "done")
        for each in ("#confidence", "#time", "#spoken", "#json", "#problems"):
            expect(self.page.locator(each)).to_have_text("")
        expect(self.page.locator("#top, .card .top").filter(has_text=EMOTION)).to_have_count(0)
        expect(self.page.locator("#stand-in, #json-box")).to_have_count(2)
        expect(self.page.locator("#stand-in:visible, #json-box:visible")).to_have_count(0)
        shown = self.page.locator(".bars .value").all_text_contents()
        assert set(shown) <= {""}, shown
        parts = self.page.locator(".bars li").evaluate_all(
            "(rows) => rows.map((row) => row.style.getPropertyValue('--part'))"
        )
        assert set(parts) <= {"0", ""}, parts

    def stop_the_clock(self) -> None:
        """From now on the page's timers fire only as ``page.clock`` lets time pass."""
        self.page.clock.install()
        self.page.clock.pause_at(datetime.now() + timedelta(hours=1))

    def expect_comparison(self, count: int = 9) -> None:
        """Wait until every card has its answer."""
        expect(self.page.locator('.card[data-state="done"]')).to_have_count(count, timeout=PATIENCE)

    def expect_message(self, title: str | re.Pattern[str]) -> Locator:
        """Wait until the message has this title."""
        expect(self.page.locator("#message-title")).to_have_text(title, timeout=PATIENCE)
        expect(self.message).to_be_visible()
        return self.message

    @staticmethod
    def bars(box: Locator) -> dict[str, str]:
        """Label and percentage of each bar inside ``box``."""
        labels = box.locator(".bars .label").all_text_contents()
        return dict(zip(labels, box.locator(".bars .value").all_text_contents(), strict=True))
