"""POST /api/v1/compare: one image, several models, one answer."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scripts.catalogue import Model
from scripts.labels import emotion
from tests.monitoring.scrape import Scrape, settled
from tests.support import forms, images
from tests.support.assertions import assert_cors, assert_error, json_body
from tests.support.client import COMPARE, Client
from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

TWO = ("MobileNetV2_RAF-DB", "MobileNetV2_CK+48")
NO_IMAGE = b"GIF89 but not really"


def test_every_model_says_what_it_says_alone(client: Client, catalogue: dict[str, Model]) -> None:
    content = images.frame(3)
    answer = client.compare(content)
    assert answer.status_code == 200, answer.text
    assert_cors(answer)
    body = json_body(answer)
    assert body.keys() == {"success", "results", "agreement"}
    assert body["success"] is True
    alone = [client.predict(content, name).json() for name in catalogue]
    for result, own in zip(body["results"], alone, strict=True):
        assert list(result) == list(own)
        assert result.pop("predictions") == pytest.approx(own.pop("predictions"), abs=1e-5)
        assert result.pop("confidence") == pytest.approx(own.pop("confidence"), abs=1e-5)
        assert result == own


@pytest.mark.parametrize("models", [TWO, TWO[::-1], TWO[:1]], ids=["two", "the other way round", "one"])
def test_the_models_that_are_named_answer_in_their_order(client: Client, models: tuple[str, ...]) -> None:
    body = json_body(client.compare(images.frame(1), *models))
    assert [result["model"] for result in body["results"]] == list(models)
    assert body["agreement"]["of"] == len(models)


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.stem)
def test_the_agreement_counts_emotions_whatever_they_are_called(
    client: Client, catalogue: dict[str, Model], sample: Path
) -> None:
    """``happy`` and ``Happiness`` are one vote; stand-ins only agree among themselves, and the answer says so.

    All nine are asked about the page's first picture, and the quick ones about the others.
    """
    quick = [model.name for model in catalogue.values() if model.architecture != "VGG19"]
    body = json_body(client.compare(sample.read_bytes(), *([] if sample.stem == "happiness" else quick)))
    votes = Counter(emotion(result["top_emotion"]) for result in body["results"])
    agreement = body["agreement"]
    assert agreement == {
        "top_emotion": agreement["top_emotion"],
        "models": max(votes.values()),
        "of": 9 if sample.stem == "happiness" else 6,
        "stand_in": True,
    }
    assert votes[agreement["top_emotion"]] == agreement["models"] >= 3


def test_a_model_that_is_not_known_is_refused_before_any_is_asked(stack: RunningStack, client: Client) -> None:
    before = settled(stack.url)
    refused = client.compare(images.frame(1), TWO[0], "VGG16_FER2013")
    assert_error(refused, 400, "Unknown model 'VGG16_FER2013'", "GET /api/v1/models", *TWO)
    assert asked(settled(stack.url), TWO[0]) == asked(before, TWO[0])


def asked(scrape: Scrape, model: str) -> float:
    """How many images the model was given."""
    names = ("emotion_predictions_total", "emotion_image_errors_total")
    return sum(
        value for (name, labels), value in scrape.samples.items() if name in names and ("model", model) in labels
    )


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], ('no "file"',)),
        ([forms.field("file", b"")], ('"file" is empty',)),
        ([forms.image(b"x"), forms.field("model", "")], ('"model" is empty',)),
        ([forms.image(b"x"), *[forms.field("model", TWO[0])] * 2], (TWO[0], "twice")),
        ([forms.image(b"x"), forms.image(b"y")], ('"file" appears twice',)),
        ([forms.image(b"x"), *[forms.field("model", TWO[0])] * 30], ("more than 20 parts",)),
    ],
    ids=["no file", "empty file", "empty name", "a name twice", "two files", "many names"],
)
def test_a_form_that_says_too_little_or_too_much_is_refused(
    client: Client, parts: list[forms.Part], words: tuple[str, ...]
) -> None:
    other = [] if parts else [forms.field("model", TWO[0])]
    assert_error(client.post_form(*parts, *other, path=COMPARE), 400, *words)


@pytest.mark.parametrize(
    ("content", "status"),
    [(NO_IMAGE, 415), (images.frame(1)[:900], 400)],
    ids=["no image", "cut off"],
)
def test_an_image_that_nobody_can_read_gets_the_answer_of_a_prediction(
    client: Client, content: bytes, status: int
) -> None:
    alone = client.predict(content, TWO[0])
    assert assert_error(client.compare(content), status) == assert_error(alone, status)


def test_each_network_is_counted_as_for_a_prediction(stack: RunningStack, client: Client) -> None:
    before = settled(stack.url)
    body = json_body(client.compare(images.frame(5), *TWO))
    after = settled(stack.url)
    for result in body["results"]:
        labels = {"model": result["model"], "emotion": result["top_emotion"]}
        grown = after.value("emotion_predictions_total", **labels) - before.value("emotion_predictions_total", **labels)
        assert grown == 1, labels
        batches = [scrape.value("emotion_batch_size_count", model=result["model"]) for scrape in (before, after)]
        assert batches[1] == batches[0] + 1
    requests = {"route": COMPARE, "model": "", "status": "200"}
    assert after.value("emotion_http_requests_total", **requests) >= 1


def test_an_image_that_is_too_large_is_one_rejection(stack: RunningStack, client: Client) -> None:
    bomb = images.sample("png-alpha").content  # only its header is changed
    width = bomb.index(b"IHDR") + 4
    huge = bomb[:width] + (30000).to_bytes(4, "big") * 2 + bomb[width + 8 :]
    before = settled(stack.url).total("emotion_rejections_total", reason="pixels")
    status = client.predict(huge, TWO[0]).status_code
    assert client.compare(huge, *TWO).status_code == status
    grown = settled(stack.url).total("emotion_rejections_total", reason="pixels") - before
    assert grown == (2 if status == 413 else 0)


def test_the_route_takes_nothing_but_posts(client: Client) -> None:
    assert_error(client.get(COMPARE), 405, "use POST")
