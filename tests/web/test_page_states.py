"""What the page says when the service is not as one would wish; each state is a real one."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from scripts.files import sha256
from tests.support.models import OTHER
from tests.support.operator_view import Operator, stopped
from tests.support.sites import LFS_POINTER, Site, some_of_the_nine
from tests.support.trained import as_if_trained

from .browser import OpenDemo
from .test_accessibility import assert_accessible

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy
    from tests.support.stacks import RunningStack, StartStack


@pytest.fixture(scope="module")
def fragile(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack of one model that the tests break and mend."""
    with start_stack(**small_site.places, PREDICT_TIMEOUT="3") as running:
        yield running


# The page asks all the while: what is under way when the service stops is reset.
CUT_OFF = ["net::ERR_CONNECTION_(REFUSED|RESET)"]


def _status(*statuses: int) -> list[str]:
    """Chromium notes each failed request on the console; so the tests name those they provoke."""
    return [f"the server responded with a status of {status}" for status in statuses]


def test_healthy_service_says_how_many_models_are_ready(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack)
    expect(demo.service).to_have_text("9 of 9 models ready on the CPU")
    expect(demo.models.locator('.state[data-state="ready"]')).to_have_count(9)


def test_stand_in_models_are_called_so(stack: RunningStack, open_demo: OpenDemo) -> None:
    demo = open_demo(stack)
    expect(demo.page.locator("#standins")).to_be_visible()
    expect(demo.page.locator("#standins")).to_contain_text(
        "All models are stand-ins: they show how the service works and know drawn faces only"
    )


@pytest.mark.parametrize(
    ("content", "title", "status"),
    [
        (b"no picture at all", "This is not a picture the service reads", 415),
        ("truncated", "This picture cannot be read", 400),
    ],
)
def test_bad_image_is_told_with_the_services_own_sentence(
    stack: RunningStack, open_demo: OpenDemo, face: Path, content: bytes | str, title: str, status: int
) -> None:
    demo = open_demo(stack, expected=_status(status))
    demo.choose_bytes("bad.jpg", face.read_bytes()[:3000] if isinstance(content, str) else content)
    demo.expect_message(title)
    assert len(demo.page.locator("#message-detail").inner_text()) > 20
    demo.choose_file(face)
    demo.expect_answer()
    expect(demo.message).to_be_hidden()


def test_bad_image_in_the_comparison_is_told_once(stack: RunningStack, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(stack, expected=_status(415))
    demo.compare()
    demo.choose_bytes("bad.jpg", b"no picture at all")
    demo.expect_message("This is not a picture the service reads")
    expect(demo.page.locator('.card[data-state="busy"]')).to_have_count(0)
    demo.choose_file(face)
    demo.expect_comparison()
    expect(demo.message).to_be_hidden()


def test_too_many_requests_are_repeated_when_the_service_says_so(
    limited: RunningProxy, open_demo: OpenDemo, face: Path
) -> None:
    """By the page's own clock, which stands still but for what the test lets pass: the message is there for seconds."""
    demo = open_demo(limited, expected=_status(429), shared=False)
    demo.stop_the_clock()
    statuses: list[int] = []
    while 429 not in statuses:
        assert len(statuses) < 20, "a second went by between any two of them"
        with demo.page.expect_response("**/api/v1/predict") as response:
            demo.choose_file(face)
        statuses.append(response.value.status)
    demo.expect_message("Too many requests")
    expect(demo.page.locator("#message-wait")).to_have_text(re.compile("Trying again"))
    demo.page.clock.resume()
    demo.expect_answer()
    expect(demo.message).to_be_hidden()


def test_measured_accuracy_is_shown_beside_the_claimed_one(
    fragile: RunningStack, open_demo: OpenDemo, small_site: Site
) -> None:
    measured = {"accuracy": 54.32, "macro_f1": 45.1, "mean_recall": 46.04, "pictures": 3589, "data": "FER2013/test"}
    network = {"checkpoint_sha256": sha256(small_site.checkpoint(OTHER)), "precision": "f32"}
    kept = {"network": network, "measured": {**measured, "made": "2026-11-27T13:30:46+00:00"}}
    (small_site.store / f"{OTHER}.evaluation.json").write_text(json.dumps(kept))
    with as_if_trained(fragile, OTHER):
        demo = open_demo(fragile)
        expect(demo.models.locator(".measured")).to_have_text("measured 54.3\u00a0%")
        expect(demo.models.locator("label")).to_have_attribute(
            "title", re.compile("measured on FER2013/test: .*46.0\u00a0%$")
        )
    expect(demo.models.locator(".measured")).to_have_text("")


def test_frozen_model_ends_in_words_and_an_offer_to_try_again(
    fragile: RunningStack, open_demo: OpenDemo, face: Path
) -> None:
    demo = open_demo(fragile, expected=_status(504), reduced_motion="reduce")
    with Operator(fragile).frozen(OTHER):
        demo.choose_file(face)
        demo.expect_message(f"Waiting for {OTHER}. A model that is not loaded yet takes some seconds the first time.")
        demo.expect_message(f"{OTHER} did not answer in time")
    assert_accessible(demo.page)
    demo.page.get_by_role("button", name="Try again").click()
    demo.expect_answer()
    expect(demo.message).to_be_hidden()


def test_torchserve_that_does_not_answer_is_waited_for(fragile: RunningStack, open_demo: OpenDemo, face: Path) -> None:
    demo = open_demo(fragile, expected=_status(503, 504))
    with stopped(Operator(fragile).torchserve()):
        expect(demo.service).to_have_text("Not ready: 0 of 1 models ready")
        expect(demo.models.locator(".state")).to_have_text("not ready")
        demo.choose_file(face)
        demo.expect_message(re.compile(f"^{OTHER} (is not ready yet|did not answer in time)$"))
    expect(demo.service).to_have_text("1 of 1 models ready on the CPU")
    demo.choose_file(face)
    demo.expect_answer()


def test_stopped_service_is_told_and_the_picture_is_sent_when_it_is_back(
    fragile: RunningStack, open_demo: OpenDemo, face: Path
) -> None:
    demo = open_demo(fragile, expected=[*CUT_OFF, *_status(503)], reduced_motion="reduce")
    demo.choose_file(face)
    demo.expect_answer()
    fragile.command("stack", "stop")
    expect(demo.service).to_have_text("The service does not answer. Asking again…")
    demo.page.get_by_role("button", name="Drawing: fear").click()
    demo.expect_message("The service does not answer")
    demo.expect_no_answer()
    demo.choose_file(face)
    demo.expect_message("The service does not answer")
    demo.expect_no_answer()
    assert_accessible(demo.page)
    # What arrives while the network is loaded waits for it, on a busy machine for more than the other tests' 3 s.
    patient = dataclasses.replace(fragile, environment={**fragile.environment, "PREDICT_TIMEOUT": "60"})
    started = patient.command("stack", "start")
    assert started.returncode == 0, started.stderr
    demo.expect_answer()
    expect(demo.message).to_be_hidden()
    expect(demo.service).to_have_text("1 of 1 models ready on the CPU")


def test_model_without_a_worker_is_loaded_when_it_is_asked(
    start_stack: StartStack, open_demo: OpenDemo, face: Path, small_site: Site
) -> None:
    with start_stack(**small_site.places, LOAD_MODELS="none") as stack:
        demo = open_demo(stack, expected=_status(503))
        expect(demo.service).to_have_text("Not ready: 0 of 1 models ready")
        expect(demo.models.locator(".state")).to_have_text("loads when asked")
        demo.choose_file(face)
        assert "happiness" in demo.expect_answer()
        expect(demo.service).to_have_text("1 of 1 models ready on the CPU")


def test_model_that_is_not_served_tells_why_and_the_others_answer(
    start_stack: StartStack, open_demo: OpenDemo, face: Path, results: Path, archives: Path, tmp_path: Path
) -> None:
    bad = "MobileNetV2_RAF-DB"  # the first of both, which is not chosen at first
    site = some_of_the_nine(tmp_path, results, archives, (bad, OTHER))
    site.remove_archive(bad)
    site.checkpoint(bad).write_text(LFS_POINTER)
    with start_stack(**site.places) as stack:
        demo = open_demo(stack, expected=_status(500), reduced_motion="reduce")
        expect(demo.models.locator(".state").nth(0)).to_have_text("not ready")
        expect(demo.models.locator(":checked")).to_have_value(OTHER)
        demo.choose_file(face)
        demo.expect_answer()
        demo.choose_model(bad)
        demo.expect_message(f"{bad} cannot be served")
        demo.expect_no_answer()
        expect(demo.page.locator("#message-detail")).to_contain_text("Git LFS")
        assert_accessible(demo.page)
        demo.compare()
        expect(demo.cards.nth(0).locator(".top")).to_have_text("cannot be served")
        expect(demo.page.locator("#problems li")).to_contain_text([re.compile(f"^{re.escape(bad)} .*Git LFS")])
        demo.expect_comparison(1)
        expect(demo.page.locator("#agreement")).to_contain_text("1 of 1 stand-ins see ")
        assert_accessible(demo.page)
