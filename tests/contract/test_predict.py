"""POST /api/v1/predict answers what torch answers, for every model and every kind of image."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from scripts.catalogue import Model, load_catalogue
from scripts.settings import ROOT
from tests.support import forms, images
from tests.support.assertions import assert_prediction
from tests.support.client import Client
from tests.support.reference import Reference

CATALOGUE = load_catalogue(ROOT / "models.json")
FASTEST = "MobileNetV2_FER2013"
OTHERS = sorted(CATALOGUE.keys() - {FASTEST})  # those of an architecture side by side
# A file of several decoders, of several numbers of channels, and turned ones.
SOME = ("jpeg", "jpeg-exif-6", "png-alpha", "png-16-bit-grey", "webp-exif-8", "gif-animated")


def asked() -> Iterator[tuple[str, str]]:
    """Every kind of image for the quickest model, and two for each other one: all of SOME for a large architecture.

    One handler reads the image for all of them, and hands each network the same tensor.
    """
    for name in images.SAMPLE_NAMES:
        yield FASTEST, name
    for place, model in enumerate(OTHERS):
        for name in SOME[place % 3 * 2 :][:2]:
            yield model, name


@pytest.mark.parametrize(("model", "name"), [*asked()])
def test_answers_equal_torch(client: Client, reference: Reference, model: str, name: str) -> None:
    sample = images.sample(name)
    response = client.predict(sample.content, model)
    assert_prediction(response, model, reference.probabilities(model, sample.equivalent))


@pytest.mark.parametrize("model", CATALOGUE)
def test_reference_tells_images_and_orientations_apart(reference: Reference, model: str) -> None:
    """The other tests can fail: two frames, or one turned, never have one answer, nor the two images of a model."""
    contents = [images.frame(seed) for seed in range(4)] + [images.oriented(n) for n in range(1, 9)]
    if model != FASTEST:
        contents = [images.sample(name).equivalent for of_model, name in asked() if of_model == model]
    answers = [list(reference.probabilities(model, content).values()) for content in contents]
    distances = [
        max(abs(a - b) for a, b in zip(one, other, strict=True)) for one, other in itertools.combinations(answers, 2)
    ]
    assert min(distances) > 0.001
    assert sorted(distances)[len(distances) // 2] > 0.02


@pytest.mark.parametrize("dataset", ["FER2013", "RAF-DB", "CK+48"])
def test_labels_are_those_of_the_dataset(client: Client, catalogue: dict[str, Model], dataset: str) -> None:
    labels = {
        "FER2013": {"angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"},
        "RAF-DB": {"Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"},
        "CK+48": {"anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"},
    }[dataset]
    for model in (model for model in catalogue.values() if model.dataset == dataset):
        assert set(client.predict(images.frame(1), model.name).json()["predictions"]) == labels


def test_same_image_has_the_same_answer_every_time(client: Client) -> None:
    first, *others = [client.predict(images.frame(1), FASTEST).json() for _ in range(5)]
    assert others == [first] * 4


@pytest.mark.parametrize(
    ("filename", "content_type"),
    [
        ("face.jpg", "image/jpeg"),
        ("face.txt", "text/plain"),
        ("face.txt", "text/plain; charset=utf-8"),
        ("face.json", "application/json"),
        ("face.svg", "image/svg+xml"),
        ("face", "application/octet-stream"),
        ("face.html", "multipart/form-data; boundary=x"),
        ("Gesicht-größe-😀.jpg", "image/jpeg"),
        ("../../etc/passwd", "image/jpeg"),
        ("a; name=model; b=%22model%22.jpg", "image/jpeg"),
        ("blob", ""),
    ],
)
@pytest.mark.parametrize("name", ["jpeg", "png-alpha"])
def test_format_is_told_by_content(
    client: Client, reference: Reference, name: str, filename: str, content_type: str
) -> None:
    content = images.sample(name).content
    response = client.post_form(forms.image(content, filename, content_type), forms.field("model", FASTEST))
    assert_prediction(response, FASTEST, reference.probabilities(FASTEST, content))


@pytest.mark.parametrize(
    "headers",
    [
        {"describe": "True"},
        {"explain": "True"},
        {"Authorization": "Bearer of-another-application"},
        {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "example.org"},
        {"Accept": "text/html"},
        {"Accept-Encoding": "gzip, br"},
        {"Cookie": "session=1; theme=dark"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_of_the_client_change_no_answer(client: Client, reference: Reference, headers: dict[str, str]) -> None:
    response = client.predict(images.frame(1), FASTEST, headers)
    assert_prediction(response, FASTEST, reference.probabilities(FASTEST, images.frame(1)))


def test_query_changes_no_answer(client: Client, reference: Reference) -> None:
    body = forms.encode(forms.image(images.frame(1)), forms.field("model", FASTEST))
    response = client.request(
        "POST",
        "/api/v1/predict?model=VGG19_FER2013&url=x",
        data=body,
        headers={"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"},
    )
    assert_prediction(response, FASTEST, reference.probabilities(FASTEST, images.frame(1)))
