"""Clients see the contract's names only, ``+`` and ``-`` included."""

from __future__ import annotations

import pytest

from scripts.catalogue import Model
from tests.support import forms, images
from tests.support.assertions import assert_error, assert_prediction
from tests.support.client import Client
from tests.support.reference import Reference

PLUS = ["MobileNetV2_CK+48", "ResNet50_CK+48", "VGG19_CK+48"]


@pytest.mark.parametrize("model", PLUS)
def test_plus_in_a_name_is_a_plus(client: Client, reference: Reference, model: str) -> None:
    response = client.predict(images.frame(2), model)
    assert_prediction(response, model, reference.probabilities(model, images.frame(2)))


def test_names_of_archives_are_seen_nowhere(client: Client) -> None:
    for path in ("/api/v1/models", "/api/v1/health", "/"):
        assert "plus" not in client.get(path).text
    assert "plus" not in client.predict(images.frame(2), "MobileNetV2_CK+48").text
    assert "plus" not in client.predict(b"no image", "MobileNetV2_CK+48").text


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2_CKplus48",
        "MobileNetV2_CK 48",
        "MobileNetV2_CK%2B48",
        "MobileNetV2_CK48",
        "mobilenetv2_fer2013",
        "MobileNetV2",
        "MobileNetV2_FER2013/1.0",
        "MobileNetV2_FER2013_best.pt",
        "../models/MobileNetV2_FER2013",
        "__proto__",
        "constructor",
        "toString",
        "*",
        "null",
        "<script>alert(1)</script>",
        'a"b\\c',
        "Größe-😀",
    ],
)
def test_other_names_are_unknown(client: Client, name: str) -> None:
    assert_error(client.predict(images.frame(2), name), 400, name, "MobileNetV2_FER2013")


def test_unprintable_name_makes_a_printable_error(client: Client) -> None:
    name = b"Mobile\x00Net\r\nSet-Cookie: a=b\x1b[31m\xff\xfe"
    response = client.post_form(forms.image(images.frame(2)), forms.field("model", name))
    assert_error(response, 400, "Mobile")
    assert "Set-Cookie" not in response.headers


def test_endless_name_makes_a_short_error(client: Client) -> None:
    assert_error(client.predict(images.frame(2), "x" * 100_000), 400, "xxx")


def test_every_model_of_the_list_can_be_asked_for(client: Client, catalogue: dict[str, Model]) -> None:
    answered = [
        client.predict(images.frame(2), name).json()["model"] for name in client.get("/api/v1/models").json()["models"]
    ]
    assert sorted(answered) == sorted(catalogue)
