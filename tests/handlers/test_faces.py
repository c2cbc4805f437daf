"""A request for faces in a worker's batch: found, cut out and classified beside ordinary predictions."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from emotion_handler import EmotionHandler
from face_network import FILE
from face_request import HEADER
from PIL import Image
from worker_metrics import BatchReport

from scripts.archives.detector_network import convert_detector
from scripts.archives.face_detector import fetch
from scripts.pictures.scenes import Scene, draw_empty_scene, draw_scene
from tests.handlers.asking import assert_prediction, context, photo
from tests.handlers.exif import ORIENTATION
from tests.support import bombs, crafted
from tests.support.unpacked_archive import EMOTIONS, unpack

SIZE = (640, 480)
# How an upright picture is stored with each orientation of EXIF.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(scope="module")
def finder(tmp_path_factory: pytest.TempPathFactory) -> EmotionHandler:
    """A handler whose archive has the detector."""
    folder = tmp_path_factory.mktemp("faces")
    unpack(folder, "openvino")
    assert convert_detector(fetch(), folder).name == FILE
    handler = EmotionHandler()
    handler.initialize(context(folder))
    return handler


@pytest.fixture(scope="module")
def scene() -> Scene:
    return draw_scene(31, size=SIZE, shares=(0.35, 0.2, 0.2))


def ask(
    handler: EmotionHandler, *requests: tuple[bytes | bytearray, str | None]
) -> list[tuple[int, dict[str, Any], dict[str, Any]]]:
    """Status, answer and report of each request of a batch: a file, and the header of one for faces."""
    asked = context(Path(), len(requests))
    for processor, (_, wish) in zip(asked.request_processor, requests, strict=True):
        processor._request_header = {HEADER: wish} if wish else {}
    answers = handler.handle([{"body": bytearray(file)} for file, _ in requests], asked)
    reports = [json.loads(asked.get_response_headers(index)[BatchReport.HEADER]) for index in range(len(requests))]
    statuses = [asked.get_response_status(index)[0] for index in range(len(requests))]
    return [(status, json.loads(text), report) for status, text, report in zip(statuses, answers, reports, strict=True)]


def shares(first: tuple[float, ...], second: dict[str, int]) -> float:
    """The shared part of the union of two boxes."""
    left, top, right, bottom = second["x"], second["y"], second["x"] + second["width"], second["y"] + second["height"]
    width, height = min(first[2], right) - max(first[0], left), min(first[3], bottom) - max(first[1], top)
    shared = max(width, 0) * max(height, 0)
    union = (first[2] - first[0]) * (first[3] - first[1]) + second["width"] * second["height"] - shared
    return shared / union


def assert_found(scene: Scene, faces: list[dict[str, Any]]) -> None:
    """One face for each of the scene's, where it is."""
    assert len(faces) == len(scene.faces)
    for drawn in scene.faces:
        assert max(shares(drawn.box, face["box"]) for face in faces) > 0.5


def test_the_faces_of_a_picture_are_answered_the_largest_first(finder: EmotionHandler, scene: Scene) -> None:
    [(status, answer, report)] = ask(finder, (scene.jpeg(), "10 0.5"))
    assert status == 200
    assert_found(scene, answer["faces"])
    areas = [face["box"]["width"] * face["box"]["height"] for face in answer["faces"]]
    assert areas == sorted(areas, reverse=True)
    for face in answer["faces"]:
        assert sorted(face["predictions"]) == sorted(EMOTIONS)
        assert face["top_emotion"] == next(iter(face["predictions"]))
        assert face["confidence"] == max(face["predictions"].values())
        assert 0.5 <= face["score"] <= 1
        assert face["landmarks"]["left_eye"]["x"] < face["landmarks"]["right_eye"]["x"]
    rest = {key: value for key, value in answer.items() if key != "faces"}
    assert rest == {
        "success": True,
        "model": "MobileNetV2_CK+48",
        "image": {"width": 640, "height": 480},
        "omitted": 0,
        "version": "3.1",
        "stand_in": True,
    }
    assert report["faces"] == sum(report["emotions"].values()) == 3
    assert report["detect"] > 0


def test_what_is_beyond_the_wish_is_counted(finder: EmotionHandler, scene: Scene) -> None:
    [(_, few, _), (_, sure, _)] = ask(finder, (scene.jpeg(), "1 0.5"), (scene.jpeg(), "10 0.999"))
    assert len(few["faces"]) == 1
    assert few["omitted"] == 2
    assert sure["faces"] == []
    assert sure["omitted"] == 0


def test_faces_and_predictions_share_a_batch_and_a_bad_picture_harms_nobody(
    finder: EmotionHandler, scene: Scene
) -> None:
    refused = ask(finder, (photo(), "1 x"))[0]
    answers = ask(
        finder,
        (photo(0, "PNG"), None),
        (scene.jpeg(), "10 0.5"),
        (scene.jpeg()[:2000], "10 0.5"),
        (bombs.REFUSED["webp-codes"][0](), "10 0.5"),
        (draw_empty_scene(5, size=SIZE).jpeg(), "10 0.5"),
        (photo(1, "PNG"), None),
    )
    assert [status for status, *_ in answers] == [200, 200, 400, 413, 200, 200]
    assert refused[0] == 400
    assert_prediction((200, None, answers[0][1]), 0)
    assert_prediction((200, None, answers[5][1]), 1)
    assert answers[1][1] == ask(finder, (scene.jpeg(), "10 0.5"))[0][1]
    assert answers[4][1]["faces"] == []


@pytest.mark.parametrize("orientation", STORED)
def test_boxes_are_in_pixels_of_the_upright_picture(finder: EmotionHandler, scene: Scene, orientation: int) -> None:
    exif, file = Image.Exif(), io.BytesIO()
    exif[ORIENTATION] = orientation
    scene.image.transpose(STORED[orientation]).save(file, "JPEG", quality=90, exif=exif)
    [(_, answer, _)] = ask(finder, (file.getvalue(), "10 0.5"))
    assert answer["image"] == {"width": 640, "height": 480}
    assert_found(scene, answer["faces"])


@pytest.mark.parametrize("kind", ["png", "webp-lossless", "grey", "palette"])
def test_every_kind_of_file_has_the_same_faces(finder: EmotionHandler, scene: Scene, kind: str) -> None:
    """Those of WebP without loss and above 0.3 megapixels are decoded in a process of their own."""
    image = scene.image.resize((1280, 960)) if kind == "webp-lossless" else scene.image
    mode = {"grey": "L", "palette": "P"}.get(kind, "RGB")
    options: dict[str, Any] = {"lossless": True} if kind == "webp-lossless" else {}
    file = crafted.encode(image.convert(mode), "WEBP" if kind == "webp-lossless" else "PNG", **options)
    [(status, answer, _)] = ask(finder, (file, "10 0.5"))
    assert status == 200
    assert answer["image"] == {"width": image.width, "height": image.height}
    assert len(answer["faces"]) == 3


def test_an_archive_without_the_detector_says_what_to_do(handler: EmotionHandler) -> None:
    missing, good = ask(handler, (photo(), "10 0.5"), (photo(0, "PNG"), None))
    assert missing[0] == 501
    assert missing[1]["error"] == (
        "The archive of model MobileNetV2_CK+48 has no face detector; whoever runs this service adds it with "
        "'make face-detector' and 'make archives'."
    )
    assert_prediction((200, None, good[1]), 0)


def test_broken_numbers_of_one_face_are_never_answered(
    finder: EmotionHandler, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    class BrokenEngine:
        def infer(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
            rows = np.full((len(images), 7), 1 / 7, np.float32)
            rows[1] = np.nan
            return rows

    monkeypatch.setattr(finder, "engine", BrokenEngine())
    [(status, answer, report)] = ask(finder, (scene.jpeg(), "10 0.5"))
    assert (status, report["error"], answer["success"]) == (500, "internal", False)


class CountingEngine:
    """Says that all labels are as probable, and how many images each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def infer(self, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        self.calls.append(len(images))
        return np.full((len(images), 7), 1 / 7, np.float32)


@pytest.mark.parametrize(("most", "calls"), [(32, [5]), (3, [3, 2])], ids=["one-call", "too-many"])
def test_all_faces_and_pictures_are_computed_together(
    finder: EmotionHandler, scene: Scene, monkeypatch: pytest.MonkeyPatch, most: int, calls: list[int]
) -> None:
    engine = CountingEngine()
    monkeypatch.setattr(finder, "engine", engine)
    monkeypatch.setattr(finder, "MAX_BATCH", most)
    answers = ask(finder, (photo(), None), (scene.jpeg(), "10 0.5"), (photo(1), None))
    assert [status for status, *_ in answers] == [200, 200, 200]
    assert engine.calls == calls
