"""What a visitor does on the demonstration page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from playwright.sync_api import expect

from scripts.catalogue import load_catalogue
from scripts.labels import emotion
from scripts.settings import ROOT
from tests.support.places import SAMPLES
from tests.support.version import project_version

from .browser import OpenDemo
from .demo import Demo

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy

CATALOGUE = load_catalogue(ROOT / "models.json")
DROP = """([name, bytes]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
    return transfer;
}"""
PASTE = """([name, bytes]) => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File([new Uint8Array(bytes)], name, { type: "image/jpeg" }));
    document.dispatchEvent(new ClipboardEvent("paste", { clipboardData }));
}"""


def _ask(cached: RunningProxy, image: Path, model: str) -> dict[str, Any]:
    with image.open("rb") as file:
        response = requests.post(
            f"{cached.url}/api/v1/predict", files={"file": file}, data={"model": model}, timeout=60
        )
    answer: dict[str, Any] = response.json()
    assert response.ok, answer
    return answer


def _percentages(answer: dict[str, Any]) -> dict[str, str]:
    """What the page shows of an answer, whose labels have one name for all datasets there."""
    return {emotion(label): f"{part:.1%}".replace("%", "\u00a0%") for label, part in answer["predictions"].items()}


def _assert_shows(demo: Demo, answer: dict[str, Any]) -> None:
    assert demo.expect_answer() == _percentages(answer)
    top = emotion(answer["top_emotion"])
    expect(demo.page.locator("#top")).to_have_text(top)
    expect(demo.page.locator("#confidence")).to_have_text(f"{100 * answer['confidence']:.1f}\u00a0%")
    expect(demo.page.locator("#stand-in")).to_be_visible()
    expect(demo.page.locator("#time")).to_contain_text("s")
    expect(demo.page.locator("#answer .first .label")).to_have_text(top)


@pytest.mark.parametrize("model", CATALOGUE)
def test_chosen_file_shows_the_answer_of_each_model(
    cached: RunningProxy, open_demo: OpenDemo, face: Path, model: str
) -> None:
    demo = open_demo(cached)
    demo.choose_model(model)
    demo.choose_file(face)
    _assert_shows(demo, _ask(cached, face, model))
    assert model in demo.page.locator("#spoken").inner_text()


def test_dropped_file_shows_the_answer(cached: RunningProxy, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(cached)
    transfer = demo.page.evaluate_handle(DROP, ["dropped.jpg", list(face.read_bytes())])
    demo.page.dispatch_event("#stage", "dragover", {"dataTransfer": transfer})
    expect(demo.page.locator("#stage.over")).to_be_visible()
    demo.page.dispatch_event("#stage", "drop", {"dataTransfer": transfer})
    _assert_shows(demo, _ask(cached, face, "MobileNetV2_FER2013"))
    expect(demo.note).to_have_text("dropped.jpg")


def test_pasted_picture_shows_the_answer(cached: RunningProxy, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(cached)
    demo.page.evaluate(PASTE, ["pasted.jpg", list(face.read_bytes())])
    _assert_shows(demo, _ask(cached, face, "MobileNetV2_FER2013"))


def test_each_sample_is_drawn_and_sent_when_clicked(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached)
    names = sorted(path.stem for path in SAMPLES.glob("*.jpg"))
    assert len(names) == 7
    for name in names:
        demo.page.get_by_role("button", name=f"Drawing: {name}").click()
        expect(demo.note).to_have_text(f"{name}.jpg")
        answer = _ask(cached, SAMPLES / f"{name}.jpg", "MobileNetV2_FER2013")
        expect(demo.page.locator("#json")).to_contain_text(str(answer["confidence"]))
        _assert_shows(demo, answer)


def test_choosing_another_model_asks_again_about_the_same_picture(
    cached: RunningProxy, open_demo: OpenDemo, face: Path
) -> None:
    demo = open_demo(cached)
    demo.choose_file(face)
    _assert_shows(demo, _ask(cached, face, "MobileNetV2_FER2013"))
    demo.choose_model("ResNet50_CK+48")
    expect(demo.page.locator("#json")).to_contain_text('"ResNet50_CK+48"')
    _assert_shows(demo, _ask(cached, face, "ResNet50_CK+48"))


def test_comparison_shows_all_nine_answers_in_one_view(cached: RunningProxy, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(cached, viewport={"width": 1440, "height": 1200})
    posted: list[str] = []
    demo.page.on("request", lambda sent: posted.append(sent.url) if sent.method == "POST" else None)
    demo.compare()
    demo.choose_file(face)
    demo.expect_comparison()
    assert posted == [f"{cached.url}/api/v1/compare"]
    answers = {name: _ask(cached, face, name) for name in CATALOGUE}
    for card, (name, model) in zip(demo.cards.all(), CATALOGUE.items(), strict=True):
        assert card.locator("h3 span").all_text_contents() == [model.architecture, model.dataset]
        expect(card.locator(".top")).to_have_text(emotion(answers[name]["top_emotion"]))
        expect(card.locator(".tag")).to_have_text("stand-in")
        assert demo.bars(card) == _percentages(answers[name])
        expect(card).to_be_in_viewport(ratio=1)
    expect(demo.page.locator("#agreement")).to_contain_text(" of 9 stand-ins see ")


def test_command_that_the_page_shows_is_the_request_it_makes(
    cached: RunningProxy, open_demo: OpenDemo, face: Path
) -> None:
    demo = open_demo(cached)
    demo.choose_model("VGG19_CK+48")
    demo.choose_file(face)
    demo.expect_answer()
    demo.page.get_by_text("The same request in code").click()
    expect(demo.page.locator("#command")).to_have_text(
        f"curl -F 'file=@happiness.jpg' -F 'model=VGG19_CK+48' {cached.url}/api/v1/predict"
    )


def test_only_the_prediction_leaves_the_page(cached: RunningProxy, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(cached)
    sent: list[tuple[str, str]] = []
    demo.page.on("request", lambda request: sent.append((request.method, request.url.removeprefix(cached.url))))
    demo.choose_file(face)
    demo.expect_answer()
    posted = [path for method, path in sent if method != "GET"]
    fetched = {path for method, path in sent if method == "GET" and not path.startswith("blob:")}
    assert posted == ["/api/v1/predict"]
    assert fetched <= {"/api/v1/health", "/api/v1/models"}
    assert demo.page.context.cookies() == []
    expect(demo.page.locator("footer")).to_contain_text("/api/v1/predict on this server and nowhere else")


def test_page_works_with_the_keyboard_alone(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached)
    focused = demo.page.locator(":focus")

    def tab_to(selector: str) -> None:
        for _ in range(30):
            demo.page.keyboard.press("Tab")
            if focused.count() and focused.evaluate("(element, selector) => element.matches(selector)", selector):
                return
        pytest.fail(f"the Tab key does not reach {selector}")

    tab_to("#mode input")
    tab_to("#file")
    tab_to("#camera")
    tab_to(".samples li:nth-child(3) button")
    demo.page.keyboard.press("Enter")
    demo.expect_answer()
    tab_to("#models input")
    demo.page.keyboard.press("ArrowRight")
    expect(demo.page.locator("#json")).to_contain_text('"MobileNetV2_RAF-DB"')
    tab_to("summary")
    demo.page.keyboard.press("Enter")
    expect(demo.page.locator("#command")).to_contain_text("MobileNetV2_RAF-DB")
    tab_to("footer a")


def test_focus_is_always_visible(cached: RunningProxy, open_demo: OpenDemo) -> None:
    demo = open_demo(cached)
    for selector in ("#file", "#camera", ".samples button", "#mode input", "#models input", "summary", "footer a"):
        target = demo.page.locator(selector).first
        demo.page.keyboard.press("Shift")
        target.focus()
        shown = target.evaluate(
            """(element) => [element, element.parentElement, element.nextElementSibling].some(
                (each) => each && getComputedStyle(each).outlineStyle !== "none")"""
        )
        assert shown, selector


def test_page_follows_the_readers_light_or_dark(cached: RunningProxy, open_demo: OpenDemo) -> None:
    background = "() => getComputedStyle(document.body).backgroundColor"
    light = open_demo(cached, color_scheme="light").page.evaluate(background)
    dark = open_demo(cached, color_scheme="dark").page.evaluate(background)
    assert (light, dark) == ("rgb(247, 244, 238)", "rgb(22, 24, 23)")


def test_bars_move_smoothly_unless_the_reader_wants_no_motion(cached: RunningProxy, open_demo: OpenDemo) -> None:
    duration = "() => getComputedStyle(document.querySelector('#bars .fill')).transitionDuration"
    assert "0.5s" in open_demo(cached).page.evaluate(duration)
    assert "0.5s" not in open_demo(cached, reduced_motion="reduce").page.evaluate(duration)


def test_page_is_for_browsers_and_json_for_everything_else(cached: RunningProxy) -> None:
    page = requests.get(f"{cached.url}/", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}, timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    file = (ROOT / "proxy" / "pages" / "index.html").read_text(encoding="utf-8")
    assert page.text == re.sub("<!--# echo var='page_address'[^>]*-->", f"{cached.url}/", file)
    for accept in ("*/*", "application/json", ""):
        answer = requests.get(f"{cached.url}/", headers={"Accept": accept}, timeout=10)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {"name": "emotion-torchserve", "version": project_version()}


def test_policy_of_the_page_forbids_everything_it_does_not_need(cached: RunningProxy) -> None:
    page = requests.get(f"{cached.url}/", headers={"Accept": "text/html"}, timeout=10)
    policy = dict(part.strip().split(" ", 1) for part in page.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self' blob:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
        "require-trusted-types-for": "'script'",
    }
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert page.headers["Permissions-Policy"] == "camera=(self), microphone=(), geolocation=()"


@pytest.mark.parametrize("path", ["/static/", "/static/js/", "/static/nothing.js", "/docs/nothing.js", "/index.html"])
def test_path_without_a_file_is_an_error_of_the_contract(cached: RunningProxy, path: str) -> None:
    answer = requests.get(f"{cached.url}{path}", headers={"Accept": "text/html"}, timeout=10)
    assert answer.status_code == 404
    assert answer.json()["success"] is False
