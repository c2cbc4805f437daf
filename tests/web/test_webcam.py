"""The webcam: frames as the apps send them, as fast as they are answered, and never more than the visitor wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, Request, Route, expect

from .browser import OpenDemo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

HIDE = """() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
# What became of the webcam that played when this was first evaluated: its light is on as long as it is live.
TRACKS = """() => {
    window.tracks ??= document.querySelector("#video").srcObject.getTracks();
    return window.tracks.map((track) => track.readyState);
}"""
# Whether there is anything on a canvas; its lines move with each answer.
DRAWN = """(canvas) => new Promise((done) => {
    const look = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(Boolean)
        ? done(true) : requestAnimationFrame(look);
    look();
})"""


# Keeps the last form that the page has sent, and tells of the file in it.
KEEP_FORM = """const real = window.fetch;
window.fetch = (path, options) => {
    if (options?.body instanceof FormData) window.form = options.body;
    return real(path, options);
};"""
SENT_FILE = """async () => {
    const file = window.form.get("file");
    const image = await createImageBitmap(file);
    return [file.name, file.type, image.width, image.height];
}"""


def wait_for(page: Page, things: list[Route], count: int) -> None:
    """Let the page go on until there are ``count`` things."""
    for _ in range(600):
        if len(things) == count:
            return
        page.wait_for_timeout(50)
    pytest.fail(f"the page has sent {len(things)} frames in 30 seconds, not {count}")


def _predictions(page: Page) -> list[Request]:
    """Filled with each prediction that the page asks for."""
    seen: list[Request] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/v1/predict"):
            seen.append(request)

    page.on("request", note)
    return seen


def test_next_frame_is_sent_when_the_one_before_is_answered(stack: RunningStack, open_demo: OpenDemo) -> None:
    """An answer that is held back holds the webcam back: there is never more than one question."""
    demo = open_demo(stack, permissions=["camera"], prepare=lambda context: context.add_init_script(KEEP_FORM))
    held: list[Route] = []
    demo.page.route("**/api/v1/predict", lambda route: held.append(route))
    demo.page.get_by_role("button", name="Use the webcam").click()
    for sent in range(1, 6):
        wait_for(demo.page, held, sent)
        demo.page.wait_for_timeout(100)
        assert len(held) == sent
        held[-1].continue_()
    demo.expect_answer()
    assert demo.page.evaluate(SENT_FILE) == ["frame.jpg", "image/jpeg", 640, 480]


def test_webcam_stops_when_asked_and_its_light_goes_out(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    seen = _predictions(demo.page)
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    assert demo.page.evaluate(TRACKS) == ["live"]
    demo.page.get_by_role("button", name="Stop the webcam").click()
    sent = len(seen)
    expect(demo.page.locator("#video")).to_be_hidden()
    demo.page.wait_for_timeout(2500)
    assert len(seen) == sent
    assert demo.page.evaluate(TRACKS) == ["ended"]


def test_webcam_stops_when_the_tab_is_hidden(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    seen = _predictions(demo.page)
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    assert demo.page.evaluate(TRACKS) == ["live"]
    demo.page.evaluate(HIDE)
    expect(demo.note).to_have_text("The webcam was switched off because this tab was hidden.")
    sent = len(seen)
    demo.page.wait_for_timeout(2500)
    assert len(seen) == sent
    assert demo.page.evaluate(TRACKS) == ["ended"]


def test_all_models_are_compared_on_the_webcam(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    demo.compare()
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_comparison()
    expect(demo.page.locator("#agreement")).to_contain_text(" of 9 stand-ins see ")


def test_refused_webcam_is_told_in_words(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack)
    demo.page.get_by_role("button", name="Use the webcam").click()
    message = demo.expect_message("The webcam is not allowed here")
    expect(message).to_contain_text("Allow it beside the page's address and try again.")


def test_choosing_a_picture_stops_the_webcam(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    assert demo.page.evaluate(TRACKS) == ["live"]
    demo.page.get_by_role("button", name="Drawing: fear").click()
    expect(demo.note).to_have_text("fear.jpg")
    expect(demo.page.locator("#video")).to_be_hidden()
    assert demo.page.evaluate(TRACKS) == ["ended"]


def test_last_frame_is_kept_when_the_picture_is_frozen(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"], reduced_motion="reduce", expected=["willReadFrequently"])
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    assert demo.page.locator("#trace").evaluate(DRAWN)
    assert_accessible(demo.page)
    assert demo.page.evaluate(TRACKS) == ["live"]
    demo.page.get_by_role("button", name="Freeze").click()
    expect(demo.note).to_have_text("webcam.jpg")
    demo.expect_answer()
    expect(demo.page.get_by_role("img", name="The picture that was sent: webcam.jpg")).to_be_visible()
    expect(demo.page.get_by_role("button", name="Freeze")).to_be_hidden()
    assert demo.page.evaluate(TRACKS) == ["ended"]
