"""The existing web client, request by request as browsers send them, works unchanged."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
import requests

from scripts.catalogue import Model
from tests.support import forms, images
from tests.support.assertions import assert_health, assert_prediction
from tests.support.client import ORIGIN, Client, at_once
from tests.support.reference import Reference

CHROME = {
    "Accept": "*/*",
    "Accept-Language": "en-GB,en;q=0.9",
    "Origin": ORIGIN,
    "Referer": f"{ORIGIN}/",
    "Sec-Fetch-Dest": "empty",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Site": "same-site",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/142.0.0.0 Safari/537.36",
}
HEALTH_PAUSE = 0.05  # s, between two questions: many while the slowest network computes one image
BOUNDARIES = [
    forms.BOUNDARY,
    "----WebKitFormBoundaryAb+3dEfGhIjKlMn/",
    "----geckoformboundary6e5e2c2a4a4f1d0f0c6c7a1b8d9e0f1a",
    "---------------------------9051914041544843365972754266",
]


def _draw(response: requests.Response) -> list[tuple[str, float]]:
    """What the client does with an answer: response.ok, data.success, Object.entries(data.predictions)."""
    assert response.ok, response.text
    data: dict[str, Any] = response.json()
    assert data["success"] is True
    return list(data["predictions"].items())


@pytest.mark.parametrize("file_first", [True, False], ids=["file-first", "model-first"])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_webcam_frame_of_a_browser_is_classified(
    client: Client, reference: Reference, boundary: str, file_first: bool
) -> None:
    model, content = "MobileNetV2_CK+48", images.frame(12)
    parts = [forms.image(content, "blob"), forms.field("model", model)]
    response = client.post_form(*(parts if file_first else parts[::-1]), boundary=boundary, headers=CHROME)
    assert_prediction(response, model, reference.probabilities(model, content))
    entries = _draw(response)
    assert len(entries) == 7
    assert entries[0][1] == max(probability for _, probability in entries)


@pytest.mark.parametrize(
    ("filename", "content_type", "name"),
    [
        ("IMG_0042.JPG", "image/jpeg", "jpeg-exif-6"),
        ("Screenshot 2025-11-02 at 10.11.12.png", "image/png", "png-alpha"),
        ("face (1).webp", "image/webp", "webp"),
    ],
)
def test_uploaded_file_is_classified(
    client: Client, reference: Reference, filename: str, content_type: str, name: str
) -> None:
    model, content = "ResNet50_RAF-DB", images.sample(name).content
    upload = forms.image(content, filename, content_type)
    response = client.post_form(upload, forms.field("model", model), headers=CHROME)
    assert_prediction(response, model, reference.probabilities(model, content))


def test_several_webcams_and_a_health_poll_run_side_by_side(
    client: Client, catalogue: dict[str, Model], reference: Reference
) -> None:
    models = ["MobileNetV2_FER2013", "MobileNetV2_RAF-DB", "ResNet50_CK+48", "VGG19_FER2013"]
    counts = {model: 2 if model.startswith("VGG19") else 6 for model in models}
    frames = {model: [images.frame(500 + 10 * n + i) for i in range(counts[model])] for n, model in enumerate(models)}
    finished = Event()

    def poll_health() -> list[requests.Response]:
        answers = []
        while not finished.wait(HEALTH_PAUSE):
            answers.append(client.get("/api/v1/health", CHROME))
        return answers

    def webcam(model: str) -> list[requests.Response]:
        parts = [(forms.image(content), forms.field("model", model)) for content in frames[model]]
        return [client.post_form(*part, headers=CHROME) for part in parts]

    with ThreadPoolExecutor(1) as threads:
        polling = threads.submit(poll_health)
        try:
            answers = at_once(functools.partial(webcam, model) for model in models)
        finally:
            finished.set()
    for model, responses in zip(models, answers, strict=True):
        for response, content in zip(responses, frames[model], strict=True):
            assert_prediction(response, model, reference.probabilities(model, content))
            assert {label for label, _ in _draw(response)} == set(catalogue[model].emotions)
    assert polling.result()
    for health in polling.result():
        assert_health(health, "healthy", loaded=9, available=9)


def test_errors_are_read_by_the_client(client: Client) -> None:
    """The client shows ``error`` where ``response.ok`` is false."""
    response = client.post_form(forms.image(b"<svg/>"), forms.field("model", "VGG19_RAF-DB"), headers=CHROME)
    assert not response.ok
    assert response.json()["success"] is False
    assert response.json()["error"]
