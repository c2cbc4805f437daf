"""The faces of the live webcam picture: a box over each as it is seen on the page, mirrored and cut as the video is."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, Route, expect

from scripts.labels import emotion
from scripts.pictures.scenes import Box, Scene, draw_empty_scene, draw_scene

from .browser import CHROMIUM, FLAGS, OpenDemo
from .demo import PATIENCE, Demo
from .tabs import Tabs, nothing
from .test_faces import looking_for_faces
from .test_webcam import HIDE, TRACKS, wait_for

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}
SIZE = (640, 480)
# Marks the corners of the drawn face, so that a screenshot shows where a visitor sees it.
MARK = (255, 0, 255)
MARK_SIDE = 0.1  # of the face's
PLACES = """() => ["#stage", "#boxes rect", "#boxes text"].map((each) => {
    const { left, top, right, bottom } = document.querySelector(each).getBoundingClientRect();
    return [left, top, right, bottom];
})"""
# A browser that gives pictures of the webcam's own size; Chromium cuts them to what the page asks for.
SHOWN = """([words, count]) => document.querySelector("#faces-found").textContent.includes(words)
    && document.querySelectorAll("#boxes g").length === count
    && document.querySelectorAll("#faces-list .card").length === count"""
UNCUT = """(() => {
    const devices = navigator.mediaDevices;
    const given = devices?.getUserMedia.bind(devices);
    if (devices) devices.getUserMedia = () => given({ video: { resizeMode: "none" } });
})()"""


def nobody() -> Scene:
    """A place without people."""
    return draw_empty_scene(3, size=SIZE)


def person(size: tuple[int, int]) -> Scene:
    """A frightened face in the left third of a picture, in the middle of its height."""
    return draw_scene(70, 36, size=size, shares=(0.28 * min(size) / size[1],), tilted=False)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the webcam shows from its next start on."""
    return tmp_path_factory.mktemp("webcam") / "film.mjpeg"


@pytest.fixture(scope="module")
def browser(browser: Browser, film: Path) -> Iterator[Browser]:
    """A Chromium whose webcam shows ``film``."""
    write_film(film, [nobody().image])
    flags = [*FLAGS, f"--use-file-for-fake-video-capture={film}"]
    with browser.browser_type.launch(executable_path=CHROMIUM, args=flags) as other:
        yield other


@pytest.fixture(scope="module")
def tabs(browser: Browser) -> Iterator[Tabs]:
    """The tabs of this one."""
    tabs = Tabs(browser)
    yield tabs
    tabs.close()


def write_film(film: Path, frames: Sequence[Image.Image], repeat: int = 1) -> None:
    """Each frame ``repeat`` times, thirty a second, again and again."""
    film.write_bytes(b"".join(jpeg(frame) * repeat for frame in frames))


def jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=92, subsampling="4:2:0")
    return file.getvalue()


def with_marks(scene: Scene) -> Image.Image:
    """The scene with a mark at two corners of its face's box."""
    image = scene.image.copy()
    left, top, right, bottom = scene.faces[0].box
    side = MARK_SIDE * scene.faces[0].height
    pencil = ImageDraw.Draw(image)
    pencil.rectangle((left, top, left + side, top + side), fill=MARK)
    pencil.rectangle((right - side, bottom - side, right, bottom), fill=MARK)
    return image


def places(demo: Demo) -> tuple[Box, Box, Box]:
    """Where the stage, the box and its words are on the screen, at one moment: each answer draws them anew."""
    stage, box, words = demo.page.evaluate(PLACES)
    return stage, box, words


def seen_face(demo: Demo, stage: Box) -> Box:
    """Where the marks are on the screen."""
    left, top, right, bottom = stage
    shot = demo.page.screenshot(clip={"x": left, "y": top, "width": right - left, "height": bottom - top})
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(shot)).convert("RGB"), int), 2, 0)
    rows, columns = np.nonzero((red > 90) & (abs(red - blue) < 50) & (2 * green < red))
    assert len(rows), "the webcam's picture is not on the screen"
    return left + columns.min(), top + rows.min(), left + columns.max() + 1, top + rows.max() + 1


def overlap(box: Box, other: Box) -> float:
    """The shared part of the union."""
    sides = [min(box[i + 2], other[i + 2]) - max(box[i], other[i]) for i in (0, 1)]
    shared = max(0.0, sides[0]) * max(0.0, sides[1])
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, other)]
    return shared / (sum(areas) - shared)


def watching(stack: RunningStack, open_demo: OpenDemo, **options: Any) -> Demo:
    """The page that looks for the faces of the webcam."""
    demo = looking_for_faces(open_demo(stack, permissions=["camera"], **options))
    demo.page.get_by_role("button", name="Use the webcam").click()
    return demo


def uncut(context: BrowserContext) -> None:
    context.add_init_script(UNCUT)


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize(
    ("size", "prepare"),
    [(SIZE, nothing), ((1280, 720), nothing), ((1280, 720), uncut), ((480, 640), uncut)],
    ids=["4:3", "16:9 made 4:3", "16:9", "upright"],
)
def test_box_is_where_the_face_is_seen(
    stack: RunningStack, open_demo: OpenDemo, film: Path, viewport: Any, size: tuple[int, int], prepare: Any
) -> None:
    scene = person(size)
    write_film(film, [with_marks(scene)])
    demo = watching(stack, open_demo, viewport=viewport, prepare=prepare)
    expect(demo.page.locator("#faces-found")).to_contain_text("1 face in ", timeout=PATIENCE)
    expect(demo.page.locator("#boxes text")).to_have_text(f"1 {emotion(scene.faces[0].expression)}")
    stage, box, words = places(demo)
    face = seen_face(demo, stage)
    assert overlap(face, box) >= 0.5, (face, box)
    assert stage[1] <= words[1] < words[3] <= stage[3]


def test_it_is_said_plainly_when_nobody_is_there_any_more(stack: RunningStack, open_demo: OpenDemo, film: Path) -> None:
    write_film(film, [person(SIZE).image, nobody().image], repeat=60)
    demo = watching(stack, open_demo)
    for words, count in (("1 face in ", 1), ("No face is found.", 0), ("1 face in ", 1)):
        demo.page.wait_for_function(SHOWN, arg=[words, count], timeout=PATIENCE)


def stop(demo: Demo) -> None:
    demo.page.get_by_role("button", name="Stop the webcam").click()
    expect(demo.page.locator("#boxes g, #faces-list .card")).to_have_count(0)


def hide(demo: Demo) -> None:
    demo.page.evaluate(HIDE)
    expect(demo.note).to_have_text("The webcam was switched off because this tab was hidden.")
    expect(demo.page.locator("#boxes g, #faces-list .card")).to_have_count(0)


def choose_a_drawing(demo: Demo) -> None:
    demo.page.get_by_role("button", name="Drawing: happiness").click()
    expect(demo.page.locator("#boxes text")).to_have_text("1 happiness", timeout=PATIENCE)
    expect(demo.page.locator("#boxes")).not_to_have_class(re.compile("mirrored"))


@pytest.mark.parametrize("leave", [stop, hide, choose_a_drawing])
def test_the_webcam_ends_and_its_boxes_go_when_it_is_left(
    stack: RunningStack, open_demo: OpenDemo, film: Path, leave: Callable[[Demo], None]
) -> None:
    write_film(film, [person(SIZE).image])
    demo = watching(stack, open_demo)
    expect(demo.page.locator("#boxes g")).to_have_count(1, timeout=PATIENCE)
    assert demo.page.evaluate(TRACKS) == ["live"]
    leave(demo)
    expect(demo.page.locator("#video")).to_be_hidden()
    assert demo.page.evaluate(TRACKS) == ["ended"]


def test_an_answer_that_comes_after_the_change_of_the_mode_draws_no_box(
    stack: RunningStack, open_demo: OpenDemo, film: Path
) -> None:
    write_film(film, [person(SIZE).image])
    demo = watching(stack, open_demo)
    boxes = demo.page.locator("#boxes g")
    held: list[Route] = []
    expect(boxes).to_have_count(1, timeout=PATIENCE)
    demo.page.route("**/api/v1/faces", lambda route: held.append(route))
    wait_for(demo.page, held, 1)
    demo.one_model()
    held[0].continue_()
    demo.expect_answer()
    demo.page.wait_for_timeout(500)
    expect(boxes).to_have_count(0)
