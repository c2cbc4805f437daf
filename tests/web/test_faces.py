"""The page in the mode that looks for faces: a box and a card for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from playwright.sync_api import expect

from scripts.labels import emotion
from scripts.pictures.scenes import draw_empty_scene, draw_scene

from .browser import OpenDemo
from .demo import PATIENCE, Demo
from .test_accessibility import assert_accessible
from .test_layout import OVERFLOW, assert_seen

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

SIZE = (640, 480)
PEOPLE = draw_scene(31, size=SIZE, shares=(0.35, 0.2, 0.2)).jpeg()
NOBODY = draw_empty_scene(3, size=SIZE).jpeg()
MODEL = "MobileNetV2_FER2013"


def answered(stack: RunningStack) -> list[dict[str, Any]]:
    """What the service says of the people."""
    files, form = {"file": ("people.jpg", PEOPLE)}, {"model": MODEL}
    answer = requests.post(f"{stack.url}/api/v1/faces", files=files, data=form, timeout=60)
    faces: list[dict[str, Any]] = answer.json()["faces"]
    return faces


def looking_for_faces(demo: Demo) -> Demo:
    """The page in this mode, chosen by keyboard."""
    demo.wait_for_models()
    demo.page.locator('#mode input[value="all"]').focus()
    demo.page.keyboard.press("ArrowRight")
    expect(demo.page.locator("#faces")).to_be_visible()
    return demo


def test_each_face_has_its_box_and_its_bars(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo, faces = looking_for_faces(open_demo(stack, reduced_motion="reduce")), answered(stack)
    demo.choose_bytes("people.jpg", PEOPLE)
    cards, boxes = demo.page.locator("#faces-list .card"), demo.page.locator("#boxes g")
    expect(cards).to_have_count(len(faces), timeout=PATIENCE)
    expect(demo.page.locator("#boxes")).to_have_attribute("viewBox", "0 0 640 480")
    for number, face in enumerate(faces):
        expect(cards.nth(number).locator(".top")).to_have_text(emotion(face["top_emotion"]))
        expect(boxes.nth(number).locator("rect")).to_have_attribute("x", str(face["box"]["x"]))
        expect(boxes.nth(number).locator("text")).to_have_text(f"{number + 1} {emotion(face['top_emotion'])}")
        assert demo.bars(cards.nth(number)).keys() == {emotion(label) for label in face["predictions"]}
        expect(cards.nth(number).locator(".first .label")).to_have_text(emotion(face["top_emotion"]))
    assert "3 faces" in demo.page.locator("#spoken").inner_text()
    demo.page.get_by_text("The same request in code").click()
    expect(demo.page.locator("#command")).to_contain_text("/api/v1/faces")
    assert_accessible(demo.page)


def test_boxes_and_bars_fit_a_phone(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = looking_for_faces(open_demo(stack, viewport={"width": 320, "height": 640}))
    demo.choose_bytes("people.jpg", PEOPLE)
    expect(demo.page.locator("#faces-list .card")).to_have_count(3, timeout=PATIENCE)
    assert demo.page.evaluate(OVERFLOW) == 0
    assert_seen(demo.page.locator("#faces"))
    picture, drawing = demo.page.locator("#boxes").bounding_box(), demo.page.locator("#boxes g").first.bounding_box()
    assert picture
    assert drawing
    assert picture["x"] <= drawing["x"]
    assert drawing["x"] + drawing["width"] <= picture["x"] + picture["width"]


def test_faces_beside_the_screen_are_reached_by_keyboard(stack: RunningStack, open_demo: OpenDemo) -> None:
    """Any number of faces takes the same height: they stand side by side."""
    demo = looking_for_faces(open_demo(stack, viewport={"width": 360, "height": 640}, reduced_motion="reduce"))
    faces = demo.page.locator("#faces-list")
    demo.choose_bytes("people.jpg", PEOPLE)
    expect(faces.locator(".card")).to_have_count(3, timeout=PATIENCE)
    expect(faces.locator(".card").last).not_to_be_in_viewport(ratio=0.9)
    height = faces.evaluate("(list) => list.offsetHeight")
    assert_accessible(demo.page)
    faces.focus()
    for _ in range(20):
        demo.page.keyboard.press("ArrowRight")
    expect(faces.locator(".card").last).to_be_in_viewport(ratio=0.9)
    demo.page.get_by_role("button", name="Drawing: fear").click()
    expect(faces.locator(".card")).to_have_count(1, timeout=PATIENCE)
    assert faces.evaluate("(list) => [list.offsetHeight, list.tabIndex]") == [height, -1]


def test_stand_ins_have_their_tag_at_each_face(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = looking_for_faces(open_demo(stack))
    demo.choose_bytes("people.jpg", PEOPLE)
    expect(demo.page.locator("#faces-list .card .tag:visible")).to_have_text(["stand-in"] * 3, timeout=PATIENCE)


def test_a_picture_without_a_face_is_said_plainly_and_the_other_mode_is_one_click_away(
    stack: RunningStack, open_demo: OpenDemo
) -> None:
    demo = looking_for_faces(open_demo(stack, reduced_motion="reduce"))
    demo.choose_bytes("nobody.jpg", NOBODY)
    expect(demo.page.locator("#faces-found")).to_contain_text("No face is found", timeout=PATIENCE)
    expect(demo.page.locator("#boxes g")).to_have_count(0)
    assert_accessible(demo.page)
    demo.one_model()
    demo.expect_answer()
    expect(demo.page.locator("#faces")).to_be_hidden()
