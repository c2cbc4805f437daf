"""What the networks see, beside the picture: all of it, at 224 by 224 pixels."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from .browser import OpenDemo

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

PIXELS = "(canvas) => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"
TOLERANCE = 3  # of 255, on average: browsers scale nearly as Pillow does


def test_small_picture_is_the_whole_one_at_224_by_224(stack: RunningStack, open_demo: OpenDemo) -> None:
    across, down = np.meshgrid(np.linspace(0, 255, 900), np.linspace(0, 255, 300))
    picture = Image.fromarray(np.stack([across, down, 255 - across], axis=-1).astype(np.uint8))
    file = io.BytesIO()
    picture.save(file, "PNG")
    demo = open_demo(stack)
    demo.choose_bytes("wide.png", file.getvalue())
    seen = demo.page.get_by_role("img", name="What the networks see")
    expect(seen).to_be_visible()
    shown = np.array(seen.evaluate(PIXELS)).reshape(224, 224, 4)[..., :3]
    wanted = np.asarray(picture.resize((224, 224), Image.Resampling.BILINEAR))
    assert np.abs(shown - wanted).mean() < TOLERANCE


def test_nothing_is_seen_without_a_picture(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, expected=["a status of 415"])
    seen = demo.page.locator("#seen")
    expect(seen).to_be_hidden()
    demo.choose_bytes("bad.jpg", b"no picture at all")
    demo.expect_message("This is not a picture the service reads")
    expect(seen).to_be_hidden()
