"""A queue that is full for a model: who is refused, who is not, and what is not computed at all."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import requests

from scripts.pictures.scenes import draw_scene
from tests.monitoring.scrape import Scrape, settled
from tests.support import forms, images
from tests.support.assertions import assert_error
from tests.support.client import ORIGIN
from tests.support.leaving import prediction
from tests.support.operator_view import Operator
from tests.support.polling import poll
from tests.support.sources import From
from tests.support.wire import connection

if TYPE_CHECKING:
    from tests.support.sites import Site
    from tests.support.stacks import RunningStack, StartStack

MODEL = ARCHIVE = "MobileNetV2_FER2013"
BODY = forms.encode(forms.image(images.frame(8)), forms.field("model", MODEL))
HEADERS = {"Content-Type": f"multipart/form-data; boundary={forms.BOUNDARY}", "Origin": ORIGIN}
# More than one client may have, whatever the limit is: a queue of 128 and a batch of 8.
GREEDY, OTHERS = 140, 4
LEAVING = 30
FACES = "/api/v1/faces"
SCENE = draw_scene(41, 0, size=(640, 480), shares=(0.4,)).jpeg()
ASKED_FACES = 30
# Three quarters of 136 images, and the last picture's beyond it; of one image, a client may have twelve in any queue.
MOST_OF_TEN_FACES = 11
# The worker takes those that have waited for less for present (handlers/abandoned.py), s.
PATIENT = 0.1


@pytest.fixture(scope="module")
def busy(start_stack: StartStack, small_site: Site) -> Iterator[RunningStack]:
    """A stack in which a second of waiting is too much."""
    with start_stack(**small_site.places, LOAD_MODELS=MODEL, MAX_WAIT="1", PREDICT_TIMEOUT="60") as running:
        assert post(running.url, 1).status_code == 200
        settled(running.url)
        yield running


def post(url: str, number: int, body: bytes = BODY, path: str = "/api/v1/predict") -> requests.Response:
    """Ask for a prediction from the address 127.0.0.number."""
    with requests.Session() as session:
        session.mount("http://", From(f"127.0.0.{number}"))
        return session.post(f"{url}{path}", data=body, headers=HEADERS, timeout=100)


def refused(scrape: Scrape) -> float:
    """How many predictions were refused before TorchServe was asked."""
    reasons = ("client_share", "expected_wait", "queue_full")
    return sum(scrape.total("emotion_rejections_total", reason=why) for why in reasons)


def test_a_greedy_client_leaves_room_for_the_others(busy: RunningStack) -> None:
    """With the worker held, one client asks for more than there is room; the others get their places nevertheless."""
    operator = Operator(busy)

    with ThreadPoolExecutor(GREEDY + OTHERS) as threads:
        with operator.frozen(ARCHIVE):
            greedy: list[Future[requests.Response]] = [threads.submit(post, busy.url, 2) for _ in range(GREEDY)]
            poll(
                lambda: (refused(Scrape(busy.url)), operator.pending(ARCHIVE)),
                lambda now: now[0] + now[1] >= GREEDY - 8,
            )
            waiting = operator.pending(ARCHIVE)
            others = [threads.submit(post, busy.url, 3 + number) for number in range(OTHERS)]
            poll(lambda: operator.pending(ARCHIVE), lambda pending: pending == waiting + OTHERS)
        answers = [future.result() for future in greedy]
        assert [future.result().status_code for future in others] == [200] * OTHERS
    turned_away = [answer for answer in answers if answer.status_code != 200]
    assert turned_away
    for answer in turned_away:
        assert_error(answer, 503, MODEL)
        assert int(answer.headers["Retry-After"]) >= 1


def faces_let_in(busy: RunningStack, client: int, body: bytes) -> int:
    """How many of a client's requests for faces may wait while the worker is held."""
    operator, before = Operator(busy), refused(settled(busy.url))
    with ThreadPoolExecutor(ASKED_FACES) as threads:
        received = operator.received(ARCHIVE)
        with operator.frozen(ARCHIVE):
            futures = [threads.submit(post, busy.url, client, body, FACES) for _ in range(ASKED_FACES)]
            poll(
                lambda: refused(Scrape(busy.url)) - before + operator.received(ARCHIVE) - received,
                lambda judged: judged == ASKED_FACES,
            )
        statuses = [future.result().status_code for future in futures]
    assert set(statuses) <= {200, 503}
    return statuses.count(200)


def test_a_request_for_faces_counts_as_many_images_as_it_has_computed(busy: RunningStack) -> None:
    """Places that look a little like faces are as much work as faces: a client may have fewer such pictures wait."""
    any_place = forms.encode(
        forms.image(SCENE), forms.field("model", MODEL), forms.field("min_score", "0"), forms.field("max_faces", "10")
    )
    faces = forms.encode(forms.image(SCENE), forms.field("model", MODEL))
    # A client that is not known yet may have that many computed, and one of the other proves to have.
    for _ in range(2):
        assert 1 <= faces_let_in(busy, 8, any_place) <= MOST_OF_TEN_FACES
    assert len(post(busy.url, 9, faces, FACES).json()["faces"]) == 1
    assert faces_let_in(busy, 9, faces) > MOST_OF_TEN_FACES


def test_what_nobody_waits_for_is_not_computed(busy: RunningStack) -> None:
    """With the worker held, clients ask and leave. On a slow machine, some of them are refused."""
    operator, asked = Operator(busy), prediction(MODEL, images.frame(8))
    before, received = settled(busy.url), operator.received(ARCHIVE)

    def all_have_arrived(scrape: Scrape) -> bool:
        waiting = operator.received(ARCHIVE) - received
        return waiting == scrape.in_flight() == LEAVING - refused(scrape) + refused(before)

    with operator.frozen(ARCHIVE), ExitStack() as clients:
        for _ in range(LEAVING):
            clients.enter_context(connection(busy.url)).sendall(asked)
        waiting = poll(lambda: Scrape(busy.url), all_have_arrived).in_flight()
        clients.close()
        left = time.monotonic()
        poll(time.monotonic, lambda now: now - left > 2 * PATIENT)
    # Those who left hold their places until the worker has passed over them.
    poll(lambda: post(busy.url, 1).status_code, lambda status: status == 200)
    after = settled(busy.url)
    assert waiting > 1
    for reason, more in (("abandoned", waiting), ("torchserve_down", 0)):
        name = "emotion_rejections_total"
        assert after.total(name, reason=reason) - before.total(name, reason=reason) == more
