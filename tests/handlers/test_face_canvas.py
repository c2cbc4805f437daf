"""Where the parts of a picture lie on the detector's canvas, whatever its shape."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import sklearn.datasets
from face_canvas import SIDE, Patch, paint, plan
from face_detector import FaceDetector
from face_network import FaceNetwork
from PIL import Image
from upright_picture import UprightPicture

from scripts.archives.detector_network import convert_detector
from scripts.archives.face_detector import fetch
from scripts.evaluation.scenes import Counts
from scripts.pictures.scenes import draw_empty_scene, draw_scene

PHOTOGRAPHS = Path(__file__).parents[1] / "support" / "photographs"
SIZES = [(640, 480), (480, 640), (1280, 720), (720, 1280), (500, 500), (3000, 100), (1, 40), (7, 5)]


def in_canvas(patch: Patch) -> bool:
    (left, top), (width, height) = patch.corner, patch.size
    return min(width, height) >= 1 and max(left + width, top + height) <= SIDE


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_the_patches_of_a_canvas_lie_apart_and_each_place_counts_once_in_large(size: tuple[int, int]) -> None:
    canvases = plan(size)
    assert len(canvases) == (1 if max(size) <= 1.4 * min(size) else 2)
    painted = np.zeros((SIDE, SIDE), int)
    for patch in canvases[0]:
        assert in_canvas(patch)
        (left, top), (width, height) = patch.corner, patch.size
        painted[top : top + height, left : left + width] += 1
    assert painted.max() == 1
    owned = [patches[0].own for patches in canvases]
    assert sum((box[2] - box[0]) * (box[3] - box[1]) for box in owned) == pytest.approx(size[0] * size[1])
    assert canvases[0][1].box == (0, 0, *size)


def test_a_canvas_shows_the_picture_and_a_smaller_copy_on_black() -> None:
    image = Image.new("RGB", (640, 480), "red")
    image.paste("blue", (320, 0, 640, 480))
    canvas = paint(UprightPicture(image), plan(image.size)[0])
    assert canvas[10, 10].tolist() == [255, 0, 0]
    assert canvas[10, 200].tolist() == [0, 0, 255]
    assert canvas[170, 10].tolist() == [0, 0, 0]
    assert (canvas[200, 5].tolist(), canvas[200, 60].tolist()) == ([255, 0, 0], [0, 0, 255])


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> FaceDetector:
    folder = tmp_path_factory.mktemp("detector")
    found = FaceDetector(FaceNetwork(convert_detector(fetch(), folder), 2))
    shutil.rmtree(folder)
    return found


def photograph(path: Path) -> UprightPicture:
    with Image.open(path) as image:
        return UprightPicture(image.convert("RGB"))


def test_photographs_of_other_packages(detector: FaceDetector) -> None:
    """Grace Hopper of matplotlib; a temple and a flower of scikit-learn."""
    hopper = photograph(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg")
    [face] = detector.find(hopper, 0.5)
    assert face.score > 0.8
    assert face.box == pytest.approx((159, 120, 367, 327), abs=12)
    for name in ("china.jpg", "flower.jpg"):
        assert detector.find(photograph(Path(sklearn.datasets.__file__).parent / "images" / name), 0.5) == []


def test_photographs_of_scikit_image(detector: FaceDetector) -> None:
    """Eileen Collins is found, and nothing on a cat or a cup of coffee."""
    [face] = detector.find(photograph(PHOTOGRAPHS / "astronaut.jpg"), 0.5)
    assert face.score > 0.75
    assert face.box == pytest.approx((172, 69, 275, 172), abs=8)
    for name in ("chelsea.jpg", "coffee.jpg"):
        assert detector.find(photograph(PHOTOGRAPHS / name), 0.5) == []


def test_a_crowd_is_found_of_which_most_are_looked_at_again(detector: FaceDetector) -> None:
    with Image.open(PHOTOGRAPHS / "astronaut.jpg") as image:
        person = image.convert("RGB").crop((111, 8, 335, 232)).resize((200, 200))
    picture = Image.new("RGB", (2000, 1000))
    for number in range(50):
        picture.paste(person, (number % 10 * 200, number // 10 * 200))
    assert len(detector.find(UprightPicture(picture), 0.5)) >= 30


def test_faces_of_drawn_scenes_are_found_and_little_else(detector: FaceDetector) -> None:
    """A part of what docs/faces.md tells of some hundreds of them."""
    counts = Counts()
    for draw in (draw_scene, draw_empty_scene):
        for number in range(30):
            scene = draw(11, number)
            with Image.open(io.BytesIO(scene.jpeg())) as image:
                found = detector.find(UprightPicture(image.convert("RGB")), 0.5)
            counts.add(scene, [face.box for face in found])
    assert sum(counts.faces.values()) > 60
    assert counts.share(0.1) >= 0.95
    assert counts.false <= 1


@pytest.mark.parametrize("size", [(1280, 720), (720, 1280), (1500, 500)], ids=str)
def test_a_face_in_the_middle_of_a_long_picture_is_found_once(detector: FaceDetector, size: tuple[int, int]) -> None:
    """Where both canvases show it."""
    shorter = min(size)
    person = draw_scene(41, size=(shorter, shorter), shares=(0.3,), tilted=False)
    picture = Image.new("RGB", size, "grey")
    offset = ((size[0] - shorter) // 2, (size[1] - shorter) // 2)
    picture.paste(person.image, offset)
    found = detector.find(UprightPicture(picture), 0.5)
    assert len(found) == 1
    left, top, *_ = person.faces[0].box
    assert found[0].box[:2] == pytest.approx((left + offset[0], top + offset[1]), abs=0.1 * shorter)


def test_a_face_that_the_edge_cuts_is_as_large_as_what_is_seen_of_it(detector: FaceDetector) -> None:
    cut, whole = (draw_scene(42, size=(480, 480), shares=(share,), tilted=False) for share in (0.5, 0.45))
    left, _, right, _ = cut.faces[0].box
    offset = round(left + 0.25 * (right - left))
    picture = Image.new("RGB", (800, 600), "grey")
    picture.paste(cut.image, (-offset, 0))
    picture.paste(whole.image, (480 - offset, 0))
    first, second = detector.find(UprightPicture(picture), 0.3)
    assert (first.box[0] > 400, second.box[0] < 0) == (True, True)
    assert second.side > first.side
    assert first.area(picture.size) > second.area(picture.size)
