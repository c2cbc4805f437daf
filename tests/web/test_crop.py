"""A part of the picture is chosen with the mouse or the keyboard, and only that is sent."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, expect

from .browser import OpenDemo
from .demo import Demo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

RED, BLUE = (200, 30, 30), (30, 30, 200)
SIZE = (400, 300)


def _two_halves() -> bytes:
    picture = Image.new("RGB", SIZE, RED)
    picture.paste(BLUE, (SIZE[0] // 2, 0, *SIZE))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


# The browser does not tell a test what is in a form that has files.
KEEP_SENT = """window.sent = [];
const append = FormData.prototype.append;
FormData.prototype.append = function (name, value) {
    if (value instanceof Blob) window.sent.push(value);
    return append.apply(this, arguments);
};"""
LAST_SENT = "async () => [...new Uint8Array(await window.sent.at(-1).arrayBuffer())]"


def _start(stack: RunningStack, open_demo: OpenDemo) -> tuple[Demo, Locator]:
    demo = open_demo(stack, reduced_motion="reduce", prepare=lambda context: context.add_init_script(KEEP_SENT))
    demo.choose_bytes("halves.png", _two_halves())
    demo.expect_answer()
    demo.page.get_by_role("button", name="Crop").click()
    frame = demo.page.locator("#crop-frame")
    expect(frame).to_be_focused()
    return demo, frame


def _sent(demo: Demo) -> Image.Image:
    """The picture of the last request, of which the note tells."""
    expect(demo.note).to_have_text(re.compile(r"^A part of halves\.png: "))
    demo.expect_answer()
    part = Image.open(io.BytesIO(bytes(demo.page.evaluate(LAST_SENT))))
    assert part.format == "JPEG"
    expect(demo.note).to_have_text(f"A part of halves.png: {part.width} × {part.height} pixels.")
    return part


def test_what_is_drawn_with_the_mouse_is_sent_alone_and_the_whole_picture_comes_back(
    stack: RunningStack, open_demo: OpenDemo
) -> None:
    demo, frame = _start(stack, open_demo)
    assert_accessible(demo.page)
    frame.press("Home")  # is no key of the frame's
    for _ in range(5):
        frame.press("Shift+ArrowLeft")  # room outside of it, to draw a new one
    box = demo.page.locator("#preview").bounding_box()
    assert box
    mouse = demo.page.mouse
    mouse.move(box["x"] + 0.9 * box["width"], box["y"] + 0.4 * box["height"])
    mouse.down()
    mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.8 * box["height"], steps=4)
    mouse.up()
    demo.page.get_by_role("button", name="Use this part").click()
    part = _sent(demo)
    assert np.allclose(part.size, (0.3 * SIZE[0], 0.4 * SIZE[1]), atol=3)
    assert np.abs(np.asarray(part).astype(int) - BLUE).max() < 16
    demo.page.get_by_role("button", name="Whole picture").click()
    demo.expect_answer()
    expect(demo.note).to_have_text("halves.png")
    expect(demo.page.get_by_role("button", name="Crop")).to_be_visible()


def test_the_frame_is_moved_and_resized_and_used_with_the_keyboard(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo, frame = _start(stack, open_demo)
    for _ in range(50):
        frame.press("ArrowRight")  # as far as the picture goes
    for _ in range(10):
        frame.press("Shift+ArrowLeft")
        frame.press("ArrowRight")
    frame.press("Enter")
    part = _sent(demo)
    assert np.allclose(part.size, (0.5 * SIZE[0], 0.7 * SIZE[1]), atol=3)
    assert np.abs(np.asarray(part).astype(int) - BLUE).max() < 16


def test_escape_leaves_the_whole_picture(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo, frame = _start(stack, open_demo)
    frame.press("Escape")
    expect(frame).to_be_hidden()
    expect(demo.page.get_by_role("button", name="Crop")).to_be_focused()
    expect(demo.note).to_have_text("halves.png")
