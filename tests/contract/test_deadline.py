"""X-Request-Deadline-Ms: who says how long the answer is waited for has one by then, and later nothing is computed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
import requests

from tests.monitoring.scrape import settled
from tests.support import forms, images
from tests.support.assertions import assert_error
from tests.support.client import Client
from tests.support.operator_view import Operator
from tests.support.polling import poll

if TYPE_CHECKING:
    from tests.support.sites import Site
    from tests.support.stacks import RunningStack, StartStack

MODEL = ARCHIVE = "MobileNetV2_FER2013"
FRAME = images.frame(8)
PARTS = forms.image(FRAME), forms.field("model", MODEL)
HEADER = "X-Request-Deadline-Ms"
# More than the worker's patience (handlers/abandoned.py).
GIVEN = {HEADER: "700"}
TOLD = f"Model {MODEL} gave no answer within the 700 ms of {HEADER}; try again, or allow more."


@pytest.fixture(scope="module")
def patient(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack that itself waits for an answer for longer than the clients of these tests."""
    with start_stack(**small_site.places, LOAD_MODELS=MODEL, PREDICT_TIMEOUT="300") as running:
        assert Client(running.url).predict(FRAME, MODEL).status_code == 200
        yield running


def inference(client: Client) -> requests.Response:
    data = [base64.b64encode(FRAME).decode()]
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": data}
    url = f"{client.url}/v2/models/{MODEL}/infer"
    return requests.post(url, json={"inputs": [tensor]}, headers=GIVEN, timeout=100)


def test_what_is_later_than_the_client_waits_is_answered_by_then_and_not_computed(patient: RunningStack) -> None:
    client, operator = Client(patient.url), Operator(patient)
    before = settled(patient.url).total("emotion_predictions_total", model=MODEL)
    with operator.frozen(ARCHIVE):
        for path in ("/api/v1/predict", "/api/v1/faces", "/api/v1/compare"):
            answer = client.post_form(*PARTS, headers=GIVEN, path=path)
            assert assert_error(answer, 504) == TOLD, path
        answer = inference(client)
        assert (answer.status_code, answer.json()) == (504, {"error": TOLD})
    poll(lambda: client.predict(FRAME, MODEL).status_code, lambda status: status == 200)
    # What the worker computes is counted, also of those who have got their answer before.
    assert settled(patient.url).total("emotion_predictions_total", model=MODEL) == before + 1


@pytest.mark.parametrize("ms", ["1000000", "99999999999999999999"])
def test_who_waits_for_longer_is_answered_as_ever(patient: RunningStack, ms: str) -> None:
    assert Client(patient.url).predict(FRAME, MODEL, headers={HEADER: ms}).status_code == 200


@pytest.mark.parametrize("ms", ["0", "-5", "1.5", "1e3", "soon", "0x10"])
@pytest.mark.parametrize("path", ["/api/v1/predict", "/api/v1/faces", "/api/v1/compare"])
def test_what_is_no_number_of_milliseconds_is_named(patient: RunningStack, path: str, ms: str) -> None:
    answer = Client(patient.url).post_form(*PARTS, headers={HEADER: ms}, path=path)
    assert assert_error(answer, 400) == (
        f"The header {HEADER} is '{ms}'; send the milliseconds that you will wait, as a whole number above 0, or leave "
        "it out."
    )
