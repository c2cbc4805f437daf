"""Forms that are no forms, and forms that lack something, get a 400 that says what."""

from __future__ import annotations

import pytest

from tests.support import forms, images
from tests.support.assertions import assert_error, assert_prediction
from tests.support.client import Client
from tests.support.forms import BOUNDARY, Part, field, image
from tests.support.reference import Reference

MODEL = "MobileNetV2_FER2013"
FRAME = images.frame(3)


@pytest.mark.parametrize(
    ("parts", "missing"),
    [
        ([field("model", MODEL)], "file"),
        ([image(FRAME)], "model"),
        ([], "file"),
        ([image(b""), field("model", MODEL)], "file"),
        ([image(b"", filename=""), field("model", MODEL)], "file"),
        ([image(FRAME), field("model", "")], "model"),
        ([field("image", FRAME), field("model", MODEL)], "file"),
        ([image(FRAME), field("Model", MODEL)], "model"),
        ([image(FRAME), field("models", MODEL)], "model"),
    ],
    ids=[
        "no-file",
        "no-model",
        "no-field",
        "empty-file",
        "no-file-chosen",
        "empty-model",
        "file-under-another-name",
        "model-in-capitals",
        "model-under-another-name",
    ],
)
def test_missing_or_empty_field_is_named(client: Client, parts: list[Part], missing: str) -> None:
    assert_error(client.post_form(*parts), 400, missing)


GOOD = forms.encode(image(FRAME), field("model", MODEL))
CLOSING = f"--{BOUNDARY}--\r\n".encode()

MALFORMED = {
    "empty-body": b"",
    "no-boundary-at-all": b"hello",
    "only-the-opening-boundary": f"--{BOUNDARY}\r\n".encode(),
    "no-closing-boundary": GOOD[: -len(CLOSING)],
    "cut-in-the-closing-boundary": GOOD[:-6],
    "cut-in-the-image": GOOD[: len(GOOD) // 2],
    "cut-in-the-headers": GOOD[:60],
    "bare-line-feeds": GOOD.replace(b"\r\n", b"\n"),
    "another-boundary": GOOD.replace(BOUNDARY.encode(), b"----another"),
    "no-empty-line-after-headers": GOOD.replace(b"\r\n\r\n", b"\r\n"),
    "parts-without-names": GOOD.replace(b'name="', b'game="'),
    "parts-without-headers": forms.encode(Part((), FRAME), Part((), MODEL.encode())),
    "json": b'{"file": "", "model": "MobileNetV2_FER2013"}',
    "zeros": bytes(1000),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_form_is_refused(client: Client, body: bytes) -> None:
    assert_error(client.post_body(body), 400)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/x-www-form-urlencoded",
        "image/jpeg",
        "text/plain",
        "multipart/mixed; boundary=" + BOUNDARY,
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 200,
        "multipart/form-data-not; boundary=" + BOUNDARY,
        None,
    ],
)
def test_other_type_of_body_is_refused(client: Client, content_type: str | None) -> None:
    response = client.post_body(GOOD, headers={"Content-Type": content_type})
    assert_error(response, 400, "multipart/form-data")


def _model_with(*headers: str) -> Part:
    return Part(('Content-Disposition: form-data; name="model"', *headers), MODEL.encode())


def _file_with(*headers: str) -> Part:
    return Part(headers, FRAME)


_DISPOSITION = 'Content-Disposition: form-data; name="file"; filename="a.jpg"'

GOOD_FORMS: dict[str, tuple[Part, ...]] = {
    "okhttp-lengths": (
        _file_with(_DISPOSITION, "Content-Type: image/jpeg", f"Content-Length: {len(FRAME)}"),
        _model_with(f"Content-Length: {len(MODEL)}"),
    ),
    "dart-encodings": (
        _file_with("content-type: application/octet-stream", _DISPOSITION.lower()),
        _model_with("content-type: text/plain; charset=utf-8", "content-transfer-encoding: binary"),
    ),
    "dotnet-names-without-quotes": (
        _file_with("Content-Disposition: form-data; name=file; filename=a.jpg; filename*=utf-8''a%20b.jpg"),
        Part(
            ("Content-Type: text/plain; charset=utf-8", "Content-Disposition: form-data; name=model"),
            MODEL.encode(),
        ),
    ),
    "filename-before-name": (
        _file_with('Content-Disposition: form-data; filename="model"; name="file"'),
        _model_with(),
    ),
    "quotes-in-the-filename": (
        _file_with('Content-Disposition: form-data; name="file"; filename="a\\"; name=\\"model.jpg"'),
        _model_with(),
    ),
    "further-fields": (field("user", "me"), image(FRAME), field("note", "\r\n--\r\n"), _model_with()),
    "image-without-a-filename": (_file_with('Content-Disposition: form-data; name="file"'), _model_with()),
}


@pytest.mark.parametrize("parts", GOOD_FORMS.values(), ids=GOOD_FORMS.keys())
def test_forms_of_other_clients_are_read(client: Client, reference: Reference, parts: tuple[Part, ...]) -> None:
    assert_prediction(client.post_form(*parts), MODEL, reference.probabilities(MODEL, FRAME))


@pytest.mark.parametrize(
    ("boundary", "declared"),
    [
        ("x", "x"),
        ("a" * 70, "a" * 70),
        ("3a7f-11ef.b+c_d'e", '"3a7f-11ef.b+c_d\'e"'),
        ("a b", '"a b"'),
        ("-" * 27 + "9051914041544843365972754266", "-" * 27 + "9051914041544843365972754266"),
        ("abc", "abc; charset=utf-8"),
    ],
)
def test_boundaries_are_read(client: Client, reference: Reference, boundary: str, declared: str) -> None:
    body = forms.encode(image(FRAME), _model_with(), boundary=boundary)
    response = client.post_body(body, declared)
    assert_prediction(response, MODEL, reference.probabilities(MODEL, FRAME))


@pytest.mark.parametrize(
    "media_type",
    ["Multipart/Form-Data; Boundary=", "multipart/form-data;boundary=", "multipart/form-data; a=b; boundary="],
)
def test_type_of_a_form_is_read_in_any_spelling(client: Client, reference: Reference, media_type: str) -> None:
    response = client.post_body(GOOD, headers={"Content-Type": media_type + BOUNDARY})
    assert_prediction(response, MODEL, reference.probabilities(MODEL, FRAME))


def test_text_around_the_form_is_skipped(client: Client, reference: Reference) -> None:
    response = client.post_body(b"preamble\r\n" + GOOD + b"epilogue\r\n")
    assert_prediction(response, MODEL, reference.probabilities(MODEL, FRAME))


def test_image_that_contains_pieces_of_a_form_is_left_whole(client: Client, reference: Reference) -> None:
    pieces = f'\r\n--\r\n\r\n--{BOUNDARY[:-1]}\r\nContent-Disposition: form-data; name="model"\r\n\r\nx'
    content = images.png_with_note(images.sample("png").content, pieces.encode() + f"--{BOUNDARY}--".encode())
    response = client.predict(content, MODEL)
    assert_prediction(response, MODEL, reference.probabilities(MODEL, content))
