"""JPEG_DECODING=reduced: large JPEGs are decoded at a reduced size, everything else as always. EXTRA_FORMATS=avif."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from tests.support import images
from tests.support.assertions import assert_prediction
from tests.support.client import Client
from tests.support.reference import Reference
from tests.support.sites import Site

if TYPE_CHECKING:
    from tests.support.stacks import StartStack

MODEL = "MobileNetV2_FER2013"


def test_settings_of_decoding_reach_the_workers(
    start_stack: StartStack, small_site: Site, reference: Reference
) -> None:
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
    own = {"LOAD_MODELS": MODEL, "JPEG_DECODING": "reduced", "EXTRA_FORMATS": "avif"}
    with start_stack(**small_site.places, **own) as stack:
        client = Client(stack.url)
        assert_prediction(client.predict(photo, MODEL), MODEL, expected)
        assert_prediction(client.predict(frame, MODEL), MODEL, reference.probabilities(MODEL, frame))
        assert_prediction(client.predict(png, MODEL), MODEL, reference.probabilities(MODEL, png))
        assert_prediction(client.predict(avif, MODEL), MODEL, reference.probabilities(MODEL, avif))
