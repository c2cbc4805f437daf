"""The web client on its own origin, http://localhost:5173, with credentials and preflight."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page

from scripts.settings import ROOT

from .browser import OpenPage

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

CLIENT = "http://localhost:5173"
PAGE = "<!doctype html><meta charset=utf-8><title>client</title><link rel=icon href=data:,>"
# What the client does, and a header that makes the browser ask first.
ASK = """async ([url, bytes, model]) => {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(bytes)], { type: "image/jpeg" }), "frame.jpg");
    form.append("model", model);
    const options = { method: "POST", body: form, credentials: "include", headers: { "X-Request-ID": "client-1" } };
    const response = await fetch(`${url}/api/v1/predict`, options);
    const data = await response.json();
    const health = await (await fetch(`${url}/api/v1/health`, { credentials: "include" })).json();
    return {
        ok: response.ok, status: response.status, id: response.headers.get("X-Request-ID"), health: health.status,
        success: data.success, error: data.error ?? null, entries: Object.entries(data.predictions ?? {}),
    };
}"""
READ = "async (url) => (await fetch(url)).status"


def _serve(context: BrowserContext, origin: str) -> None:
    """The client's own pages. They come from no server, so Chromium asks whether they may use this machine's."""
    context.route(f"{origin}/", lambda route: route.fulfill(content_type="text/html", body=PAGE))
    module = (ROOT / "examples" / "client.mjs").read_text(encoding="utf-8")
    context.route(f"{origin}/client.mjs", lambda route: route.fulfill(content_type="text/javascript", body=module))
    context.grant_permissions(["local-network-access"], origin=origin)


def _open(open_page: OpenPage, stack: RunningStack, origin: str = CLIENT, **options: Any) -> Page:
    return open_page(
        f"{origin}/",
        hosts=[urlsplit(stack.url).netloc],
        prepare=lambda context: _serve(context, origin),
        **options,
    )


def test_client_predicts_with_credentials_and_a_preflight(stack: RunningStack, open_page: OpenPage, face: Path) -> None:
    page = _open(open_page, stack)
    answer = page.evaluate(ASK, [stack.url, list(face.read_bytes()), "ResNet50_CK+48"])
    assert {**answer, "entries": len(answer["entries"])} == {
        "ok": True,
        "status": 200,
        "id": "client-1",
        "health": "healthy",
        "success": True,
        "error": None,
        "entries": 7,
    }


def test_client_reads_the_sentence_of_an_error(stack: RunningStack, open_page: OpenPage) -> None:
    page = _open(open_page, stack, expected=["the server responded with a status of 415"])
    answer = page.evaluate(ASK, [stack.url, [1, 2, 3], "ResNet50_CK+48"])
    assert (answer["ok"], answer["status"], answer["success"]) == (False, 415, False)
    assert len(answer["error"]) > 20


def test_example_client_runs_in_a_browser(stack: RunningStack, open_page: OpenPage, face: Path) -> None:
    page = _open(open_page, stack)
    answer = page.evaluate(
        """async ([url, bytes, model]) => {
            const { predict } = await import("/client.mjs");
            return predict(url, new File([new Uint8Array(bytes)], "face.jpg"), model);
        }""",
        [stack.url, list(face.read_bytes()), "VGG19_RAF-DB"],
    )
    assert answer["success"] is True
    assert answer["model"] == "VGG19_RAF-DB", json.dumps(answer)


def test_page_of_an_origin_that_is_not_listed_may_not_read(stack: RunningStack, open_page: OpenPage) -> None:
    expected = ["blocked by CORS policy: No 'Access-Control-Allow-Origin' header", "net::ERR_FAILED"]
    page = _open(open_page, stack, "http://localhost:5174", expected=expected)
    with pytest.raises(Exception, match="Failed to fetch"):
        page.evaluate(READ, f"{stack.url}/api/v1/models")


# A form needs no permission of CORS: the browser sends it and only keeps the answer.
POST_UNASKED = """async ([url, bytes, model]) => {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(bytes)], { type: "image/jpeg" }), "frame.jpg");
    form.append("model", model);
    return (await fetch(`${url}/api/v1/predict`, { method: "POST", body: form, mode: "no-cors" })).type;
}"""
IN_FLIGHT = 'emotion_predictions_total{model="VGG19_FER2013"'


def _answered(stack: RunningStack) -> list[str]:
    text = requests.get(f"{stack.url}/metrics", timeout=10).text
    return [line for line in text.splitlines() if line.startswith(IN_FLIGHT)]


def test_page_of_another_origin_makes_no_model_compute(stack: RunningStack, open_page: OpenPage, face: Path) -> None:
    before = _answered(stack)
    assert before
    page = _open(open_page, stack, "http://localhost:5174", expected=["the server responded with a status of 403"])
    assert page.evaluate(POST_UNASKED, [stack.url, list(face.read_bytes()), "VGG19_FER2013"]) == "opaque"
    assert _answered(stack) == before


def test_name_of_a_stranger_that_points_to_this_machine_is_not_served(stack: RunningStack, rebound: Browser) -> None:
    page = rebound.new_page()
    answer = page.goto(f"http://evil.example:{urlsplit(stack.url).port}/")
    assert answer is not None
    assert (answer.status, answer.json()["success"]) == (421, False)
    fetched = page.evaluate("async () => (await fetch('/api/v1/models')).status")
    assert fetched == 421
