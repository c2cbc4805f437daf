"""Settings that reach the workers: JPEG_DECODING=reduced, EXTRA_FORMATS=avif, MAX_FACES=100.

Large JPEGs are then decoded at a reduced size, everything else as always.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scripts.pictures.scenes import draw_scene
from tests.support import images
from tests.support.assertions import assert_error, assert_prediction
from tests.support.client import Client
from tests.support.reference import Reference
from tests.support.sites import Site

if TYPE_CHECKING:
    from tests.support.stacks import StartStack

MODEL = "MobileNetV2_FER2013"


@pytest.fixture(scope="module")
def client(start_stack: StartStack, small_site: Site) -> Iterator[Client]:
    """A client of a stack with these settings."""
    own = {"LOAD_MODELS": MODEL, "JPEG_DECODING": "reduced", "EXTRA_FORMATS": "avif", "MAX_FACES": "100"}
    with start_stack(**small_site.places, **own) as stack:
        yield Client(stack.url)


def test_settings_of_decoding_reach_the_workers(client: Client, reference: Reference) -> None:
    noise = np.random.default_rng(70).integers(0, 256, (1800, 2400, 3), dtype=np.uint8)  # fine detail, which it loses
    photo = images.encode(Image.fromarray(noise), "JPEG", quality=50)
    decoded = Image.open(io.BytesIO(photo))
    decoded.draft(None, (448, 448))
    assert decoded.size == (600, 450)
    expected = reference.probabilities(MODEL, images.encode(decoded, "PNG"))
    exact = reference.probabilities(MODEL, photo)
    assert max(abs(expected[label] - exact[label]) for label in exact) > 1e-3

    frame = images.frame(71)
    png = images.encode(images.scene(72, (1200, 900)), "PNG")
    avif = images.encode(images.scene(73, (320, 240)), "AVIF")
    assert_prediction(client.predict(photo, MODEL), MODEL, expected)
    assert_prediction(client.predict(frame, MODEL), MODEL, reference.probabilities(MODEL, frame))
    assert_prediction(client.predict(png, MODEL), MODEL, reference.probabilities(MODEL, png))
    assert_prediction(client.predict(avif, MODEL), MODEL, reference.probabilities(MODEL, avif))


def test_a_request_may_ask_for_as_many_faces_as_the_service_says(client: Client) -> None:
    crowd = draw_scene(80, 2, size=(1280, 720), shares=(0.13,) * 14, tilted=False).jpeg(90)
    described = client.get("/openapi.json").json()["components"]["schemas"]["FacesRequest"]["properties"]["max_faces"]
    assert (described["minimum"], described["maximum"], described["default"]) == (1, 100, 10)
    whole, usual = client.faces(crowd, MODEL, max_faces="100").json(), client.faces(crowd, MODEL).json()
    found = len(whole["faces"])
    assert found > 10
    assert (whole["omitted"], len(usual["faces"]), usual["omitted"]) == (0, 10, found - 10)
    assert [face["box"] for face in usual["faces"]] == [face["box"] for face in whole["faces"][:10]]
    assert_error(client.faces(crowd, MODEL, max_faces="101"), 400, "whole number from 1 to 100")
