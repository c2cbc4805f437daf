"""What /metrics and the log say of requests for faces."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from scripts.pictures.scenes import draw_empty_scene, draw_scene
from tests.support.client import Client
from tests.support.models import SERVED
from tests.support.polling import poll

from .scrape import Scrape, settled

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

SIZE = (640, 480)
PEOPLE = draw_scene(31, size=SIZE, shares=(0.35, 0.2, 0.2)).jpeg()
NOBODY = draw_empty_scene(3, size=SIZE).jpeg()


def test_faces_and_pictures_without_one_are_counted(client: Client) -> None:
    before = Scrape(client.url)
    faces = client.faces(PEOPLE, SERVED, max_faces="2").json()["faces"]
    client.faces(NOBODY, SERVED)
    after = settled(client.url)

    def grown(name: str, **labels: str) -> float:
        return after.value(name, model=SERVED, **labels) - before.value(name, model=SERVED, **labels)

    assert grown("emotion_http_requests_total", route="/api/v1/faces", status="200") == 2
    assert grown("emotion_picture_faces_sum") == 3, "one was not asked for"
    assert grown("emotion_picture_faces_bucket", le="0") == 1
    assert grown("emotion_picture_faces_count") == grown("emotion_face_detection_seconds_count") == 2
    assert grown("emotion_face_detection_seconds_sum") > 0
    emotions = [face["top_emotion"] for face in faces]
    assert len(emotions) == 2
    for emotion in set(emotions):
        assert grown("emotion_predictions_total", emotion=emotion) == emotions.count(emotion)


def test_the_log_tells_how_many_faces_there_were(client: Client, monitored: RunningStack) -> None:
    identifier = "of-a-picture-with-three-faces"
    client.faces(PEOPLE, SERVED, {"X-Request-ID": identifier})
    log = monitored.settings.log_dir / "proxy-access.log"

    def line() -> str:
        return next((text for text in log.read_text().splitlines() if identifier in text), "")

    logged = json.loads(poll(line, bool))
    assert logged["path"] == "/api/v1/faces"
    assert logged["faces"] == 3
    assert logged["detection_seconds"] > 0
