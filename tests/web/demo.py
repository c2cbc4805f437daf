"""The demonstration page as its visitors use it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

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

    def compare(self) -> None:
        """Switch to all models."""
        self.page.locator("#mode label").nth(1).click()

    def expect_answer(self) -> dict[str, str]:
        """Wait for the answer; the percentages that are shown, by label."""
        expect(self.answer).to_have_attribute("data-state", "done", timeout=PATIENCE)
        return self.bars(self.answer)

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
