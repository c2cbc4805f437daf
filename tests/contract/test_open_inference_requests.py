"""The Open Inference Protocol request by request: what is refused and how, what is counted, limits and keys."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
import requests

from scripts.access.apps import app_keys
from tests.monitoring.scrape import Scrape, settled
from tests.support import images
from tests.support.assertions import TOLERANCE, VERSION, assert_cors, json_body
from tests.support.client import ORIGIN, Client
from tests.support.polling import poll
from tests.support.proxies import proxy_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.stacks import RunningStack

MODEL = "MobileNetV2_CK+48"
FRAMES = [images.frame(seed) for seed in (1, 2)]
PIXELS = np.stack([np.asarray(images.scene(seed, (224, 224))) for seed in (1, 2)])
NO_IMAGE = b"GIF89a"
# JavaScript makes no text of it.
WITHOUT_TEXT = {"toString": 1, "valueOf": 1}


@pytest.mark.parametrize("spelled", [MODEL, quote(MODEL, safe="")], ids=["plus", "percent-encoded"])
def test_a_plus_in_a_name_may_be_written_either_way(client: Client, spelled: str) -> None:
    assert client.get(f"/v2/models/{spelled}/ready").json() == {"name": MODEL, "ready": True}
    assert client.get(f"/v2/models/{spelled}").json()["name"] == MODEL
    answer = infer(client, request(FRAMES[:1]), name=spelled)
    assert_cors(answer)
    assert json_body(answer)["model_name"] == MODEL


def request(contents: Sequence[bytes], **changes: Any) -> dict[str, Any]:
    """An inference request as JSON; ``changes`` are to its tensor."""
    data = [base64.b64encode(content).decode() for content in contents]
    return {"inputs": [{"name": "image", "datatype": "BYTES", "shape": [len(data)], "data": data, **changes}]}


def infer(
    client: Client, body: dict[str, Any] | bytes, headers: dict[str, str | None] | None = None, name: str = MODEL
) -> requests.Response:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    declared = {"Content-Type": "application/json", **(headers or {})}
    return client.request("POST", f"/v2/models/{name}/infer", data=data, headers=declared)


def assert_refused(answer: requests.Response, status: int, *words: str) -> None:
    """The protocol's error, with ``words`` in its message."""
    assert answer.status_code == status, answer.text
    assert_cors(answer)
    body = json_body(answer)
    assert body.keys() == {"error"}
    assert [word for word in words if word not in body["error"]] == [], body


WRONG: dict[str, dict[str, Any] | bytes] = {
    "nothing": b"",
    "no json": b"{",
    "a list": b"[]",
    "no inputs": {},
    "two inputs": {"inputs": request(FRAMES[:1])["inputs"] * 2},
    "another name": request(FRAMES[:1], name="picture"),
    "another type": request(FRAMES[:1], datatype="UINT8"),
    "another shape": request(FRAMES[:1], shape=[1, 2]),
    "no shape": request(FRAMES[:1], shape=None),
    "fewer than the shape says": request(FRAMES[:1], shape=[2]),
    "too many": request(FRAMES[:1] * 65),
    "no data": request(FRAMES[:1], data=None),
    "no Base64": request(FRAMES[:1], data=["a picture?"]),
    "a number": request(FRAMES[:1], data=[7]),
    "a size without data": request(FRAMES[:1], data=None, parameters={"binary_data_size": 9}),
    "an unknown output": {**request(FRAMES[:1]), "outputs": [{"name": "logits"}]},
    "a number for an id": {**request(FRAMES[:1]), "id": 42},
    "too few pixels": request([], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[1, 2, 3]),
    "no text for a size": request(FRAMES[:1], data=None, parameters={"binary_data_size": WITHOUT_TEXT}),
    "no text in a shape": request(FRAMES[:1], shape=[1, WITHOUT_TEXT]),
    "no text for a pixel": request([], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[WITHOUT_TEXT]),
    "an output too many": {**request(FRAMES[:1]), "outputs": [{"name": "error"}] * 5},
    "no byte": request([], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[256] * 150528),
    "a quotation mark in Base64": request(FRAMES[:1], data=['"AAAA']),
    "strings and numbers": request(FRAMES[:2], data=["AAAA", 7]),
    "no list": request(FRAMES[:1], data=True),
    "lists of different lengths": request(
        [], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[[0] * 150527, 0]
    ),
    "a fraction": request([], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[0.5] * 150528),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG.keys())
def test_a_request_that_cannot_be_used_is_refused_with_400(client: Client, body: dict[str, Any] | bytes) -> None:
    assert_refused(infer(client, body), 400)


@pytest.mark.parametrize(
    ("header", "binary"),
    [("9999999", b""), ("-1", b""), ("x", b""), (None, b"\0\0\0\0"), ("", b"\xff\xff\xff\x7fabc")],
    ids=["beyond the body", "negative", "no number", "none", "an image that is cut off"],
)
def test_binary_data_that_does_not_fit_is_refused_with_400(client: Client, header: str | None, binary: bytes) -> None:
    body = request([b"x"], data=None, parameters={"binary_data_size": len(binary)})
    text = json.dumps(body).encode()
    length = str(len(text)) if header == "" else header
    assert_refused(infer(client, text + binary, {"Inference-Header-Content-Length": length}), 400)


def test_pixels_may_be_lists_in_lists(client: Client) -> None:
    data = {"name": "pixels", "datatype": "UINT8", "shape": [1, 224, 224, 3]}
    nested = infer(client, request([], **data, data=PIXELS[:1].tolist()))
    flat = infer(client, request([], **data, data=PIXELS[:1].ravel().tolist()))
    assert nested.status_code == 200, nested.text
    assert nested.json() == flat.json()


def test_more_pixels_than_json_may_have_are_asked_for_as_binary_data(client: Client) -> None:
    two = request([], name="pixels", datatype="UINT8", shape=[2, 224, 224, 3], data=[200] * 2 * 150528)
    assert_refused(infer(client, two), 413, "one image, not of 2", "binary data")
    spaced = request([], name="pixels", datatype="UINT8", shape=[1, 224, 224, 3], data=[200] * 150528)
    text = json.dumps(spaced).replace(", ", "," + " " * 30).encode()
    assert_refused(infer(client, text), 413, str(3 * 2**20), "65536", "binary data")
    assert_refused(infer(client, request(FRAMES[:1], parameters={"x": [1] * 30_000})), 413, "65536", "binary data")


def test_base64_may_be_written_in_any_way_that_json_has(client: Client) -> None:
    plain = request(FRAMES)
    nested = request(FRAMES, shape=[2, 1], data=[[text] for text in plain["inputs"][0]["data"]])
    behind = {"id": '"data": ["', "inputs": [{"x": "data", **plain["inputs"][0], "y": 1}]}
    escaped = json.dumps(plain).replace("/", "\\/").replace("+", "\\u002b")
    pretty = json.dumps(plain, indent=8)
    outputs = [infer(client, plain).json()["outputs"]]
    for body in (nested, behind, escaped.encode(), pretty.replace('"data":', '"data" :').encode()):
        answer = infer(client, body)
        assert answer.status_code == 200, answer.text
        outputs.append(answer.json()["outputs"])
    for output in outputs[1:]:
        np.testing.assert_allclose(output[0]["data"], outputs[0][0]["data"], rtol=0, atol=TOLERANCE / 10)
        assert output[1:] == outputs[0][1:]


def test_text_that_is_no_base64_spoils_no_other_image(client: Client) -> None:
    data = [*request(FRAMES[:1])["inputs"][0]["data"], "a picture?"]
    told = {
        output["name"]: output["data"] for output in infer(client, request([], shape=[2], data=data)).json()["outputs"]
    }
    assert told["status"] == [200, 400]
    assert "Base64" in told["error"][1]


def test_an_error_of_the_only_image_is_that_of_the_request(client: Client) -> None:
    assert_refused(infer(client, request([NO_IMAGE])), 400, "GIF")
    assert_refused(infer(client, request([b"%PDF-1.7"])), 415, "PDF")
    assert_refused(infer(client, request([NO_IMAGE, b"%PDF-1.7"])), 400, "GIF", "None of the 2 images")


def test_other_errors_have_the_protocols_shape_and_status(client: Client) -> None:
    assert_refused(client.get("/v2/models/VGG16"), 404, "VGG16")
    assert_refused(client.get("/v2/models/VGG16/ready"), 404, "VGG16")
    assert_refused(infer(client, request(FRAMES[:1]), name="VGG16"), 404, "VGG16")
    for rest in ("", "/ready"):
        assert_refused(client.get(f"/v2/models/{MODEL}/versions/9{rest}"), 404, "'9'", VERSION)
    assert_refused(infer(client, request(FRAMES[:1]), name=f"{MODEL}/versions/9"), 404, "'9'", VERSION)
    assert_refused(client.get("/v2/nothing"), 404)
    assert_refused(client.get(f"/v2/models/{MODEL}/infer"), 405)
    assert_refused(client.request("TRACE", "/v2"), 405)
    assert_refused(infer(client, b"x" * (11 * 2**20)), 413)
    assert_refused(infer(client, request(FRAMES[:1]), {"Content-Encoding": "gzip"}), 400, "gzip")
    foreign = infer(client, request(FRAMES[:1]), {"Origin": "https://example.org"})
    assert (foreign.status_code, foreign.json().keys()) == (403, {"error"})


def test_images_are_counted_and_logged_like_predictions(client: Client, stack: RunningStack) -> None:
    labels = {"route": "/v2/models/{name}/infer", "model": MODEL, "status": "200"}
    before = settled(client.url)
    assert infer(client, request(FRAMES)).status_code == 200
    one = infer(client, request(FRAMES[:1]))
    after = settled(client.url)

    def grown(name: str, **wanted: str) -> float:
        return after.total(name, **wanted) - before.total(name, **wanted)

    assert grown("emotion_http_requests_total", **labels) == 2
    assert grown("emotion_predictions_total", model=MODEL) == 3
    assert grown("emotion_prediction_queue_seconds_count", model=MODEL) == 3
    log = (stack.settings.log_dir / "proxy-access.log").read_text().splitlines()
    lines = [json.loads(line) for line in log[-20:]]
    (line,) = [line for line in lines if line["request_id"] == one.headers["X-Request-ID"]]
    assert (line["model"], line["version"], line["path"]) == (MODEL, VERSION, f"/v2/models/{MODEL}/infer")


def test_limits_and_keys_hold_for_it(stack: RunningStack, tmp_path: Path) -> None:
    settings = {"CLIENT_REQUESTS": "2", "ALLOW_ANONYMOUS": "0", "RATE_LIMIT": "1", "RATE_BURST": "1", "ROOT_PATH": "/e"}
    with proxy_of(stack, tmp_path / "limited", **settings) as proxy:
        client = Client(f"{proxy.url}/e")
        for path in ("/v2", f"/v2/models/{MODEL}", "/v2/nothing"):
            assert_refused(client.get(path), 401, "A key is required")
        assert_refused(infer(client, request(FRAMES)), 401)
        for path in ("/v2/health/live", "/v2/health/ready", f"/v2/models/{MODEL}/ready"):
            poll(partial(client.get, path), lambda answer: answer.status_code == 200)  # it has to see the models first
        key: dict[str, str | None] = {"X-API-Key": app_keys(proxy.settings).add("app")}
        poll(lambda: client.get("/v2", key).status_code, lambda status: status == 200)
        answers = [infer(client, request(FRAMES * 4), key) for _ in range(3)]
        assert [answer.status_code for answer in answers[:1]] == [200]
        assert_refused(answers[-1], 429)
        assert int(answers[-1].headers["Retry-After"]) >= 1
        assert Scrape(proxy.url).total("emotion_rejections_total", reason="rate_limit") >= 1


def test_origin_of_a_listed_page_may_send_what_the_protocol_needs(client: Client) -> None:
    asked = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "inference-header-content-length",
    }
    answer = client.request("OPTIONS", f"/v2/models/{MODEL}/infer", headers={"Origin": ORIGIN, **asked})
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Headers"] == "inference-header-content-length"
