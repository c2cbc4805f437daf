"""The headers of the API's answers: those the contract has, on every answer, and none beside them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.support import forms, images
from tests.support.client import ORIGIN, Client

FORM = forms.encode(forms.image(images.frame(5)), forms.field("model", "MobileNetV2_FER2013"))
FORM_TYPE = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}"}
# Answers of njs, of a worker, of nginx itself, and a file.
ANSWERS: dict[str, tuple[int, str, str, bytes | None]] = {
    "root": (200, "GET", "/", None),
    "models": (200, "GET", "/api/v1/models", None),
    "health": (200, "GET", "/api/v1/health", None),
    "live": (200, "GET", "/api/v1/health/live", None),
    "ready": (200, "GET", "/api/v1/health/ready", None),
    "metrics": (200, "GET", "/metrics", None),
    "description": (200, "GET", "/openapi.json", None),
    "prediction": (200, "POST", "/api/v1/predict", FORM),
    "malformed": (400, "POST", "/api/v1/predict", FORM[:-4]),
    "no-image": (
        415,
        "POST",
        "/api/v1/predict",
        forms.encode(forms.image(b"hello"), forms.field("model", "VGG19_CK+48")),
    ),
    "not-found": (404, "GET", "/nowhere", None),
    "not-allowed": (405, "DELETE", "/api/v1/models", None),
    "not-known": (405, "TRACE", "/api/v1/models", None),
    "too-large": (413, "POST", "/api/v1/predict", bytes(11 * 1024 * 1024)),
}
# Beside those, nginx's own and what the answers have in common.
SOME = {"allow", "etag", "last-modified", "accept-ranges"}
USUAL = {"connection", "content-length", "content-type", "date", "transfer-encoding"}
ALWAYS = {
    "server": "nginx",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
FOREIGN = "https://example.org"
FOR_THE_ORIGIN = {
    "access-control-allow-origin": ORIGIN,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": "X-Request-ID, Retry-After",
}


def _headers(client: Client, answer: str, origin: str | None) -> Mapping[str, str]:
    """The headers of an answer by their names in small letters; its id is left out."""
    status, method, path, body = ANSWERS[answer]
    if origin == FOREIGN and method == "POST" and status != 413:
        status = 403  # before its form is read; what is too large was refused before that
    response = client.request(method, path, data=body, headers={"Origin": origin, **FORM_TYPE})
    assert response.status_code == status, response.text
    headers = {name.lower(): value for name, value in response.headers.items()}
    assert headers.pop("x-request-id")
    vary = {name.strip().lower() for name in headers.pop("vary").split(",")}
    assert vary == ({"origin", "accept", "user-agent"} if answer == "root" else {"origin"})
    return {name: value for name, value in headers.items() if name not in USUAL | SOME}


@pytest.mark.parametrize("answer", ANSWERS)
def test_answer_to_a_page_of_a_listed_origin_has_these_headers_and_no_others(client: Client, answer: str) -> None:
    assert _headers(client, answer, ORIGIN) == {**ALWAYS, **FOR_THE_ORIGIN}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("origin", [None, FOREIGN], ids=["no-origin", "foreign"])
def test_other_answers_have_no_headers_for_an_origin(client: Client, answer: str, origin: str | None) -> None:
    assert _headers(client, answer, origin) == ALWAYS
