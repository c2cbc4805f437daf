"""Pictures that the browser can show and the service would refuse are made into JPEGs, and the page says so."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from .browser import OpenDemo
from .demo import Demo

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

REFUSED = "The service does not take {} as it is: sent as a JPEG of {}."


def _encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def _expect_sent_as(demo: Demo, name: str, size: str) -> None:
    demo.expect_answer()
    expect(demo.note).to_have_text(REFUSED.format(name, size))
    expect(demo.message).to_be_hidden()


def test_avif_is_sent_as_a_jpeg(stack: RunningStack, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(stack, expected=["a status of 415"])
    demo.choose_bytes("face.avif", _encoded(Image.open(face), "AVIF"))
    _expect_sent_as(demo, "face.avif", "320 × 320")
    expect(demo.page.locator("#top")).to_have_text("happiness")


def test_file_over_the_limit_is_sent_smaller(stack: RunningStack, open_demo: OpenDemo, tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1600, 2400, 3), dtype=np.uint8)
    file = tmp_path / "huge.png"
    file.write_bytes(_encoded(Image.fromarray(noise), "PNG"))
    assert file.stat().st_size > 10 * 1024 * 1024
    demo = open_demo(stack)
    demo.choose_file(file)
    _expect_sent_as(demo, "huge.png", "2048 × 1365")


def test_picture_of_too_many_pixels_is_sent_smaller(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, expected=["a status of 413"])
    demo.choose_bytes("wide.png", _encoded(Image.new("L", (10_200, 5_100), 128), "PNG"))
    _expect_sent_as(demo, "wide.png", "2048 × 1024")


@pytest.mark.parametrize("mode", ["one", "all"])
def test_what_the_browser_cannot_decode_is_refused_as_before(
    stack: RunningStack, open_demo: OpenDemo, mode: str
) -> None:
    demo = open_demo(stack, opening=f"?mode={mode}", expected=["a status of 415"])
    demo.choose_bytes("bad.jpg", b"no picture at all")
    demo.expect_message("This is not a picture the service reads")
