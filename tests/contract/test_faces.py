"""POST /api/v1/faces: where the faces of a picture are, and the emotions of each."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import pytest
import requests
from PIL import Image, ImageDraw

from scripts.catalogue import load_catalogue
from scripts.pictures.drawing import EXPRESSIONS, expression_of
from scripts.pictures.scenes import draw_empty_scene, draw_scene
from scripts.settings import ROOT
from tests.contract.test_errors_image import NOT_ACCEPTED
from tests.support import bombs, images
from tests.support.assertions import assert_error, json_body
from tests.support.client import Client, at_once
from tests.support.models import EACH

MODELS = load_catalogue(ROOT / "models.json")
FASTEST = "MobileNetV2_FER2013"
SIZE = (640, 480)
SCENE = draw_scene(31, size=SIZE, shares=(0.35, 0.2, 0.2))


def text() -> bytes:
    """A picture of a page of text."""
    page, file = Image.new("RGB", SIZE, "white"), io.BytesIO()
    ImageDraw.Draw(page).multiline_text((20, 20), "\n".join(["nobody is on this page of text"] * 20), "black")
    page.save(file, "PNG")
    return file.getvalue()


def noise() -> bytes:
    """A picture of noise."""
    file = io.BytesIO()
    Image.effect_noise(SIZE, 90).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", EACH)
def test_each_face_of_a_picture_has_its_place_and_its_emotions(client: Client, name: str) -> None:
    response = client.faces(SCENE.jpeg(), name)
    assert response.status_code == 200, response.text
    body = json_body(response)
    assert {key: value for key, value in body.items() if key != "faces"} == {
        "success": True,
        "model": name,
        "image": {"width": 640, "height": 480},
        "omitted": 0,
        "version": "1.0",
        "stand_in": True,
    }
    assert len(body["faces"]) == 3
    for face in body["faces"]:
        assert list(face) == ["box", "score", "landmarks", "predictions", "top_emotion", "confidence"]
        assert set(face["predictions"]) == set(MODELS[name].emotions)
        assert sum(face["predictions"].values()) == pytest.approx(1, abs=1e-4)


def test_the_stand_ins_name_the_expression_of_a_small_face_as_drawn(client: Client) -> None:
    """Of faces that take a fourth of the height, which a prediction for the whole picture hardly sees."""
    labels = {expression_of(label): label for label in MODELS[FASTEST].emotions}
    scenes = [draw_scene(41, number, size=SIZE, shares=(0.25,)) for number in range(24)]
    known = [scene for scene in scenes if scene.faces[0].expression in labels]
    assert len(known) >= 18
    right = {"faces": 0, "predict": 0}
    for scene in known:
        wanted = labels[scene.faces[0].expression]
        faces = client.faces(scene.jpeg(), FASTEST).json()["faces"]
        right["faces"] += len(faces) == 1 and faces[0]["top_emotion"] == wanted
        right["predict"] += client.predict(scene.jpeg(), FASTEST).json()["top_emotion"] == wanted
    assert right["faces"] >= 0.85 * len(known), right
    assert right["predict"] <= 0.5 * len(known), right
    assert set(labels) < set(EXPRESSIONS)


@pytest.mark.parametrize(
    "content", [draw_empty_scene(3, size=SIZE).jpeg(), noise(), text()], ids=["no people", "noise", "text"]
)
def test_a_picture_without_a_face_has_an_empty_list(client: Client, content: bytes) -> None:
    response = client.faces(content, FASTEST)
    assert response.status_code == 200
    assert (response.json()["faces"], response.json()["omitted"]) == ([], 0)


def test_the_form_bounds_the_faces(client: Client) -> None:
    one = client.faces(SCENE.jpeg(), FASTEST, max_faces="1").json()
    assert (len(one["faces"]), one["omitted"]) == (1, 2)
    assert client.faces(SCENE.jpeg(), FASTEST, min_score="1.0").json()["faces"] == []
    assert len(client.faces(SCENE.jpeg(), FASTEST, max_faces=" 10 ", min_score="5e-1").json()["faces"]) == 3


@pytest.mark.parametrize("value", ["0", "11", "-1", "1.5", "ten", "", "1e2", "9" * 500])
def test_an_unusable_number_of_faces_is_named(client: Client, value: str) -> None:
    message = assert_error(client.faces(SCENE.jpeg(), FASTEST, max_faces=value), 400, "whole number from 1 to 10")
    assert message.startswith(f'The field "max_faces" is \'{value[:80]}')


@pytest.mark.parametrize("value", ["1.1", "-0.5", "half", "", "nan", "0,5"])
def test_an_unusable_score_is_named(client: Client, value: str) -> None:
    assert_error(client.faces(SCENE.jpeg(), FASTEST, min_score=value), 400, "min_score", "number from 0 to 1")


def test_a_form_without_its_fields_and_other_methods_are_refused_as_for_predictions(client: Client) -> None:
    assert_error(client.faces(SCENE.jpeg(), "VGG16"), 400, "Unknown model 'VGG16'")
    assert_error(client.faces(b"", FASTEST), 400, '"file" is empty')
    assert_error(client.get("/api/v1/faces"), 405, "use POST, OPTIONS")


HOSTILE: dict[str, Callable[[], bytes]] = {
    **{name: partial(bytes, content) for name, content in NOT_ACCEPTED.items()},
    **{name: make for name, (make, *_) in bombs.REFUSED.items()},
    "cut": lambda: images.frame(60)[:9000],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_pictures_have_the_status_that_predictions_give_them(client: Client, name: str) -> None:
    content = HOSTILE[name]()
    expected, response = client.predict(content, FASTEST), client.faces(content, FASTEST)
    assert (response.status_code, response.json()) == (expected.status_code, expected.json())
    assert response.status_code in (400, 413, 415)


@pytest.mark.parametrize("name", bombs.HARMLESS)
def test_pictures_that_only_look_costly_are_looked_at(client: Client, name: str) -> None:
    assert client.faces(bombs.HARMLESS[name](), FASTEST).status_code == 200


def test_a_header_of_the_client_makes_no_faces_of_a_prediction(client: Client) -> None:
    answer = client.predict(SCENE.jpeg(), FASTEST, {"X-Faces": "10 0.5"}).json()
    assert "faces" not in answer
    assert answer["predictions"]


def test_many_at_once_have_the_answers_they_have_alone(client: Client) -> None:
    other = draw_scene(32, size=(720, 960))
    calls: list[Callable[[], requests.Response]] = [
        lambda: client.faces(SCENE.jpeg(), FASTEST),
        lambda: client.faces(other.jpeg(), FASTEST),
        lambda: client.predict(SCENE.jpeg(), FASTEST),
    ]
    alone = [call().json() for call in calls]
    together = [response.json() for response in at_once(calls * 4)]
    for number, answer in enumerate(together):
        expected = alone[number % 3]
        assert [face["box"] for face in answer.get("faces", [])] == [face["box"] for face in expected.get("faces", [])]
        parts = zip(answer.get("faces", [answer]), expected.get("faces", [expected]), strict=True)
        for part, wanted in parts:
            assert part["predictions"] == pytest.approx(wanted["predictions"], abs=1e-4)
