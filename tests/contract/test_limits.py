"""The size of a body and of an image: up to the limit it is served, one over it is a 413."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import forms, images
from tests.support.assertions import assert_error, assert_prediction
from tests.support.client import Client
from tests.support.reference import Reference

MODEL = "MobileNetV2_FER2013"
LIMIT = 10 * 1024 * 1024
OVERHEAD = len(forms.encode(forms.image(b""), forms.field("model", MODEL)))


def _form(length: int) -> tuple[bytes, bytes]:
    """A good form of exactly ``length`` bytes, and its image."""
    content = images.png_of_size(length - OVERHEAD)
    body = forms.encode(forms.image(content), forms.field("model", MODEL))
    assert len(body) == length
    return body, content


def _chunks(body: bytes) -> Iterator[bytes]:
    for start in range(0, len(body), 65536):
        yield body[start : start + 65536]


def test_body_of_10_mib_is_served(client: Client, reference: Reference) -> None:
    body, content = _form(LIMIT)
    assert_prediction(client.post_body(body), MODEL, reference.probabilities(MODEL, content))


def test_body_of_10_mib_in_chunks_is_served(client: Client, reference: Reference) -> None:
    body, content = _form(LIMIT)
    assert_prediction(client.post_body(_chunks(body)), MODEL, reference.probabilities(MODEL, content))


def test_upload_of_10_megabytes_is_served(client: Client, reference: Reference) -> None:
    content = images.png_of_size(10_000_000)
    assert_prediction(client.predict(content, MODEL), MODEL, reference.probabilities(MODEL, content))


@pytest.mark.parametrize("length", [LIMIT + 1, LIMIT + 2_000_000, 5 * LIMIT])
def test_longer_body_is_refused(client: Client, length: int) -> None:
    assert_error(client.post_body(_form(length)[0]), 413, "10 MiB")


@pytest.mark.parametrize("length", [LIMIT + 1, 3 * LIMIT])
def test_longer_body_in_chunks_is_refused(client: Client, length: int) -> None:
    assert_error(client.post_body(_chunks(_form(length)[0])), 413, "10 MiB")


def test_image_of_50_megapixels_is_served(client: Client, reference: Reference) -> None:
    content = images.blank_png(10_000, 5_000)
    assert_prediction(client.predict(content, MODEL), MODEL, reference.probabilities(MODEL, content))
