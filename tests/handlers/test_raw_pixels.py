"""Images that come as pixels: told by their content type, never by what they hold."""

from __future__ import annotations

import json
from pathlib import Path

from emotion_handler import EmotionHandler
from raw_pixels import CONTENT_TYPE

from scripts.settings import ROOT
from tests.handlers.asking import context
from tests.support.images import encode, scene

PICTURE = scene(5, (224, 224))


def test_pixels_are_answered_like_the_same_in_a_file(handler: EmotionHandler) -> None:
    asked = context(Path(), 4)
    for index in (0, 2):
        asked.request_processor[index]._request_header["Content-Type"] = CONTENT_TYPE
    bodies = [PICTURE.tobytes(), encode(PICTURE, "PNG"), PICTURE.tobytes()[:-3], PICTURE.tobytes()]
    answers = handler.handle([{"body": bytearray(body)} for body in bodies], asked)
    assert [asked.get_response_status(index)[0] for index in range(4)] == [200, 200, 400, 415]
    assert answers[0] == answers[1]
    error = "The pixels have 150525 bytes; send 224 x 224 x 3 = 150528."
    assert json.loads(answers[2]) == {"success": False, "error": error}


def test_the_proxy_declares_them_so() -> None:
    template = (ROOT / "proxy" / "templates" / "http" / "torchserve.conf.j2").read_text()
    assert f'pixels "{CONTENT_TYPE}";' in template
