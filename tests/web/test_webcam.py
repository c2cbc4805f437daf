"""The webcam: a frame a second as the apps send it, and never more than the visitor wants."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import Page, Request, expect

from .browser import OpenDemo

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

HIDE = """() => {
    Object.defineProperty(document, "hidden", { value: true, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
TRACKS = "() => document.querySelector('#video').srcObject?.getTracks().map((track) => track.readyState) ?? []"


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


def _predictions(page: Page) -> list[Request]:
    """Filled with each prediction that the page asks for."""
    seen: list[Request] = []

    def note(request: Request) -> None:
        if request.url.endswith("/api/v1/predict"):
            seen.append(request)

    page.on("request", note)
    return seen


def test_frame_a_second_is_sent_as_640_by_480_jpeg(stack: RunningStack, open_demo: OpenDemo) -> None:
    """By the page's own clock, which stands still but for what the test lets pass."""
    demo = open_demo(stack, permissions=["camera"], prepare=lambda context: context.add_init_script(KEEP_FORM))
    demo.stop_the_clock()
    seen = _predictions(demo.page)
    with demo.page.expect_response("**/api/v1/predict"):
        demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    expect(demo.note).to_have_text("A frame a second is sent while the webcam is on.")
    for sent in (1, 2, 3):
        demo.page.clock.run_for(900)
        demo.page.wait_for_timeout(300)
        assert len(seen) == sent
        with demo.page.expect_response("**/api/v1/predict"):
            demo.page.clock.run_for(100)
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
    assert demo.page.evaluate(TRACKS) == []


def test_webcam_stops_when_the_tab_is_hidden(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    seen = _predictions(demo.page)
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    demo.page.evaluate(HIDE)
    expect(demo.note).to_have_text("The webcam was switched off because this tab was hidden.")
    sent = len(seen)
    demo.page.wait_for_timeout(2500)
    assert len(seen) == sent
    assert demo.page.evaluate(TRACKS) == []


def test_all_models_are_compared_on_the_webcam(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    demo.compare()
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_comparison()
    expect(demo.page.locator("#agreement")).to_contain_text(" of 9 see ")


def test_refused_webcam_is_told_in_words(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack)
    demo.page.get_by_role("button", name="Use the webcam").click()
    expect(demo.note).to_have_text("The webcam is not allowed here. Allow it beside the page's address and try again.")


def test_choosing_a_picture_stops_the_webcam(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack, permissions=["camera"])
    demo.page.get_by_role("button", name="Use the webcam").click()
    demo.expect_answer()
    demo.page.get_by_role("button", name="Drawing: fear").click()
    expect(demo.note).to_have_text("fear.jpg")
    expect(demo.page.locator("#video")).to_be_hidden()
    assert demo.page.evaluate(TRACKS) == []
