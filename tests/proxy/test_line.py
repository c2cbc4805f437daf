"""Whose turn it is in a full queue (models/line.js), how long an image takes (counting/pace.js), when to come again."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from scripts.stack.supervision import PartState, Supervision
from tests.proxy.modules import Call, Modules

LIMIT, COMMON = 16, 12


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    return Modules(tmp_path_factory.mktemp("line"))


def turns(modules: Modules, *asked: tuple[str, int, int, int]) -> list[tuple[bool, int]]:
    """Who may enter, and how many are before them. Of a client: how many wait, of its own, of how many clients."""
    calls = []
    for client, everybody, own, clients in asked:
        queue = {"limit": LIMIT, "common": COMMON, "all": everybody, "own": own, "clients": clients}
        calls.append(Call("models/line.js", "turn", ("M", client, queue)))
    returned: list[dict[str, Any]] = [result.returned for result in modules.call(calls)]
    return [(turn["mayEnter"], turn["ahead"]) for turn in returned]


def test_a_client_alone_has_what_is_common_and_no_more(modules: Modules) -> None:
    assert turns(modules, ("a", 12, 12, 1), ("a", 13, 13, 1)) == [(True, 0), (False, 1)]


def test_clients_share_what_is_common(modules: Modules) -> None:
    """Of three clients, each may have four."""
    assert turns(modules, ("a", 9, 4, 3), ("a", 9, 5, 3), ("b", 9, 1, 3)) == [(True, 0), (False, 2), (True, 0)]


def test_each_of_many_clients_may_have_one(modules: Modules) -> None:
    assert turns(modules, ("a", 12, 1, 40), ("a", 12, 2, 40)) == [(True, 0), (False, 6)]


def test_the_rest_is_for_clients_that_have_nothing(modules: Modules) -> None:
    assert turns(modules, ("a", 13, 2, 2), ("b", 13, 1, 3), ("c", 16, 1, 4)) == [(False, 1), (True, 0), (True, 0)]


def test_who_was_refused_first_comes_first(modules: Modules) -> None:
    full, one_free = 17, 16
    asked = [("a", full), ("b", full), ("c", full), ("c", one_free), ("b", one_free), ("a", one_free), ("d", one_free)]
    asked += [("c", one_free), ("b", one_free), ("c", one_free), ("d", one_free), ("e", one_free)]
    answers = turns(modules, *((client, everybody, 1, 17) for client, everybody in asked))
    entered = [client for (client, _), (may_enter, _) in zip(asked, answers, strict=True) if may_enter]
    assert entered == ["a", "b", "c", "d", "e"]
    assert [ahead for _, ahead in answers[:3]] == [1, 2, 3]


def test_those_who_left_hold_nobody_up_for_long(modules: Modules) -> None:
    """Each place that stays free lets one more of the line enter; a queue that is short again has no line."""
    left = [(f"left{number}", 17, 1, 17) for number in range(9)]
    free, more_free, short = ("last", 16, 1, 17), ("last", 13, 1, 17), ("other", 12, 1, 12)
    assert turns(modules, *left, free, more_free)[9:] == [(False, 9), (False, 6)]
    assert turns(modules, *left, free, short, free)[10:] == [(True, 0), (True, 0)]


def test_a_line_that_is_no_more_comes_first_where_there_is_room_and_last_where_there_is_none(modules: Modules) -> None:
    full, one_free, short = 17, 16, 12
    before = [("a", full), ("b", full), ("other", short), ("c", full)]
    answers = turns(modules, *((client, everybody, 1, 17) for client, everybody in [*before, ("a", full), ("b", full)]))
    assert answers == [(False, 1), (False, 2), (True, 0), (False, 1), (False, 2), (False, 3)]
    answers = turns(modules, *((client, everybody, 1, 17) for client, everybody in [*before, ("a", one_free)]))
    assert answers[-1] == (True, 0)


def test_who_is_far_beyond_its_share_is_told_to_wait_for_that(modules: Modules) -> None:
    """Not only until the queue is short: of 14, the client has 10, and may have 3."""
    assert turns(modules, ("a", 14, 10, 4)) == [(False, 10)]


def test_a_client_of_which_nothing_is_known_any_more_may_enter(modules: Modules) -> None:
    """What was counted of it may have been forgotten while it waited."""
    assert turns(modules, ("a", 3, 0, 1), ("a", 3, -1, 1)) == [(True, 0), (True, 0)]


def asking(client: str) -> dict[str, Any]:
    return {"variables": {"remote_addr": client}, "requestBuffer": ""}


def entered(client: str, model: str) -> Call:
    return Call("models/admission.js", "enter", (asking(client), model))


def paced(model: str, seconds: float) -> Call:
    report = {"batch": 1, "item": 0, "decode": 0, "inference": seconds}
    return Call("counting/pace.js", "note", (model, report))


@pytest.mark.parametrize(("seconds", "told"), [(0.2, 1), (3, 8), (500, 540)])
def test_who_has_too_many_is_told_when_the_next_one_is_over(modules: Modules, seconds: float, told: int) -> None:
    """Of five images that wait for the slow model, a client has two; of those for the other model, all are others'."""
    known = [
        Call("models/state.js", "write", ("names", ["slow", "fast"])),
        paced("slow", seconds),
        paced("fast", 0.001),
    ]
    waiting = [entered(client, "slow") for client in "abbba"] + [entered("b", "fast")]
    nobodys, mine = (Call("models/admission.js", "nextAnswer", (asking(client),)) for client in "ca")
    results = modules.call([*known, *waiting, nobodys, mine], max_wait=0)
    assert [result.returned for result in results[-2:]] == [1, told]


def test_who_is_refused_is_told_for_how_long_the_queue_is_too_long(modules: Modules) -> None:
    """17 images may wait, 12 of them for everybody; the client that asks for a 13th comes again when one is over."""
    known = [
        paced("M", 7),
        Call("models/state.js", "write", ("queue:M", 9)),
        Call("models/state.js", "write", ("count:M", 1)),
    ]
    *_, last, refused = modules.call([*known, *[entered("a", "M")] * 13], max_wait=0)
    assert last.returned is None
    failure = refused.returned
    assert (failure["status"], failure["retryAfter"], failure["reason"]) == (503, 7, "queue_full")
    assert failure["message"] == "Model M is busy: its queue is full; try again in 7 s."


def test_what_a_client_has_waiting_begins_anew_where_it_was_forgotten_and_nothing_else_does(modules: Modules) -> None:
    """Two of its predictions end that only the sum of all knows of."""
    known = [
        paced("M", 7),
        Call("models/state.js", "write", ("queue:M", 9)),
        Call("models/state.js", "write", ("count:M", 1)),
    ]
    forgotten = Call("models/admission.js", "release", ({"variables": {"places": "1 0 M a\n1 0 M a"}},))
    counts = [
        Call("models/places.js", "predictions", ("M", "a")),
        Call("models/places.js", "predictions", ("M", "b")),
        Call("models/places.js", "images", ("M",)),
    ]
    results = modules.call([*known, *[entered("b", "M")] * 5, forgotten, entered("a", "M"), *counts], max_wait=0)
    assert [result.returned for result in results[-4:]] == [None, 1, 5, 4]


@pytest.mark.parametrize(("pause", "told"), [(0, 2), (30, 32)])
def test_a_torchserve_that_ends_again_and_again_is_back_after_the_supervisors_pause(
    modules: Modules, tmp_path: Path, pause: int, told: int
) -> None:
    said = tmp_path / "supervisor.json"
    part = PartState("failing", since=time.time() + 1, pause=pause)
    said.write_text(json.dumps(asdict(Supervision(os.getpid(), {"torchserve": part}))))
    (down,) = modules.call([Call("models/availability.js", "down", ("M",))], supervision=str(said))
    assert down.returned["retryAfter"] == told


def wanting(client: str, faces: int) -> Call:
    given = {"variables": {"remote_addr": client, "faces_wish": f"{faces} 0.5"}, "requestBuffer": ""}
    return Call("models/admission.js", "enter", (given, "M"))


def computed(client: str, faces: int) -> Call:
    return Call("counting/faces.js", "note", (client, faces))


def test_a_picture_with_faces_takes_the_places_of_all_of_them(modules: Modules) -> None:
    """Of 17 images, 12 for everybody: a picture may wait where one image may, the next when there is a place again."""
    known = [Call("models/state.js", "write", ("queue:M", 9)), Call("models/state.js", "write", ("count:M", 1))]
    results = modules.call([*known, paced("M", 2), wanting("a", 10), wanting("a", 10), wanting("a", 10)], max_wait=0)
    failures = [result.returned for result in results[-3:]]
    assert failures[:2] == [None, None]
    assert (failures[2]["retryAfter"], failures[2]["reason"]) == (18, "queue_full")


def test_a_picture_with_faces_is_one_answer(modules: Modules) -> None:
    """Of 25 images that wait, a client has two pictures of ten faces each; then one, of 15 images."""
    known = [Call("models/state.js", "write", ("names", ["M"])), paced("M", 2)]
    one = {"variables": {"places": "10 0 M a"}}
    told = Call("models/admission.js", "nextAnswer", (asking("a"),))
    waiting = [*[wanting("a", 10)] * 2, *[entered("b", "M")] * 5]
    results = modules.call([*known, *waiting, told, Call("models/admission.js", "release", (one,)), told], max_wait=0)
    assert (results[-3].returned, results[-1].returned) == (25, 30)


@pytest.mark.parametrize(
    ("before", "counted"), [([], 10), ([1], 1), ([0], 1), ([3, 1], 3), ([10, *[0] * 64], 4), ([99, 99], 10)]
)
def test_a_client_has_as_many_faces_computed_as_before(modules: Modules, before: list[int], counted: int) -> None:
    calls = [computed("a", faces) for faces in before]
    *_, result = modules.call([*calls, Call("counting/faces.js", "expected", ("a", 10))])
    assert result.returned == counted


def test_each_face_of_a_batch_is_an_image(modules: Modules) -> None:
    report = {"batch": 2, "images": 10, "item": 0, "decode": 0.1, "inference": 0.9}
    noted, seconds = Call("counting/pace.js", "note", ("M", report)), Call("counting/pace.js", "seconds", ("M",))
    assert modules.call([noted, seconds])[1].returned == pytest.approx(0.1)


def test_one_batch_that_stood_still_moves_the_mean_little(modules: Modules) -> None:
    def note(inference: float) -> Call:
        report = {"batch": 8, "item": 0, "decode": 0.08, "inference": inference}
        return Call("counting/pace.js", "note", ("M", report))

    seconds = Call("counting/pace.js", "seconds", ("M",))
    results = modules.call([seconds, note(0.72), seconds, note(80), seconds, *[note(0.32)] * 30, seconds])
    first, measured, after_one, settled = (result.returned for result in results if result.returned is not None)
    assert (first, measured) == (0, pytest.approx(0.1))
    assert after_one == pytest.approx(0.12)
    assert settled == pytest.approx(0.05, abs=0.001)
