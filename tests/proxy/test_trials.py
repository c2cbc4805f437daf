"""proxy/njs/trials by itself: who is among a canary's clients, when one is aborted, what a reply is worth."""

from __future__ import annotations

import itertools
import json
import math
import random
from collections.abc import Iterator
from typing import Any

import pytest

from tests.proxy.modules import Call, Modules
from tests.support.assignment import hashed


def chosen(modules: Modules, clients: list[str], version: str, percent: float) -> list[bool]:
    calls = [Call("trials/assignment.js", "isChosen", (client, "M", version, percent)) for client in clients]
    return [result.returned for result in modules.call(calls)]


def test_a_canarys_clients_are_a_share_of_all_and_stay_so(modules: Modules) -> None:
    clients = [f"address 10.0.{number >> 8}.{number & 255}" for number in range(5000)] + [
        "",
        "key größe",
        "header " + "x" * 4000,
    ]
    by_percent = {percent: chosen(modules, clients, "1.1", percent) for percent in (0.01, 1, 5, 20, 50, 100)}
    for percent, found in by_percent.items():
        assert found == [hashed(f"M 1.1 {client}") % 10000 < percent * 100 for client in clients]
        assert sum(found) / len(found) == pytest.approx(percent / 100, abs=0.02)
    # Who is among a few is among more, and another version has other clients.
    for fewer, more in itertools.pairwise(by_percent.values()):
        assert all(after for before, after in zip(fewer, more, strict=True) if before)
    assert chosen(modules, clients, "1.2", 50) != by_percent[50]


LIMITS = {"errors": 1, "slower": 2, "disagreement": 20}
COUNTED = ("asked", "failed", "compared", "agreed")
ERRORS, DISAGREEMENTS = ("asked", "failed"), ("compared", "agreed")


def times(noise: random.Random, count: int, typical: float) -> dict[str, float]:
    logarithms = [math.log(typical) + noise.gauss(0, 0.5) for _ in range(count)]
    return {"count": count, "sum": sum(logarithms), "squares": sum(value * value for value in logarithms)}


def counted(noise: random.Random, count: int, errors: float, disagreement: float, slower: float) -> dict[str, Any]:
    """What is counted of a canary with these true shares."""
    return {
        "asked": count,
        "failed": sum(noise.random() < errors for _ in range(count)),
        "compared": count,
        "agreed": sum(noise.random() >= disagreement for _ in range(count)),
        "tried": times(noise, count, 20 * slower),
        "serving": times(noise, 1000, 20),
    }


@pytest.mark.parametrize(
    ("errors", "disagreement", "slower", "reason", "least"),
    [
        (0.0, 0.0, 1.0, None, 1.0),
        (0.005, 0.1, 1.5, None, 0.97),
        (0.06, 0.0, 1.0, "errors", 0.97),
        (1.0, 1.0, 9.0, "errors", 1.0),
        (0.0, 0.4, 1.0, "disagreement", 0.97),
        (0.0, 0.0, 3.0, "latency", 0.97),
    ],
)
def test_a_canary_is_aborted_for_what_is_sure(
    modules: Modules, errors: float, disagreement: float, slower: float, reason: str | None, least: float
) -> None:
    noise = random.Random(6)
    calls = [
        Call("trials/verdict.js", "of", (LIMITS, counted(noise, 400, errors, disagreement, slower))) for _ in range(400)
    ]
    reasons = [result.returned and result.returned["reason"] for result in modules.call(calls)]
    assert reasons.count(reason) >= least * len(reasons)


def test_a_few_failures_abort_no_canary_and_three_of_three_do(modules: Modules) -> None:
    noise = random.Random(7)
    none = {"tried": times(noise, 0, 1), "serving": times(noise, 0, 1), "compared": 0, "agreed": 0}
    cases = [
        ({"asked": asked, "failed": failed}, failed) for asked in range(1, 60) for failed in range(min(asked, 4) + 1)
    ]
    calls = [Call("trials/verdict.js", "of", (LIMITS, {**none, **counts})) for counts, _ in cases]
    for (counts, failed), result in zip(cases, modules.call(calls), strict=True):
        # Three of many are within what a limit of 1 % leaves to chance.
        most = {3: 21, 4: 43}.get(failed, 0)
        assert (result.returned is not None) == (counts["asked"] <= most), counts


def looks(noise: random.Random, share: float, predictions: int, what: tuple[str, str]) -> Iterator[dict[str, Any]]:
    """What has been counted of a canary with this true share, after each prediction that counts against it."""
    none = {"tried": times(noise, 0, 1), "serving": times(noise, 0, 1), **dict.fromkeys(COUNTED, 0)}
    all_of_them, bad = what
    against = 0
    for asked in range(1, predictions + 1):
        if noise.random() < share:
            against += 1
            yield {**none, all_of_them: asked, bad: against if bad == "failed" else asked - against}


def latencies(noise: random.Random, slower: float, predictions: int) -> Iterator[dict[str, Any]]:
    """The same of the times of answers, after each prediction."""
    counts = {which: {"count": 0, "sum": 0.0, "squares": 0.0} for which in ("tried", "serving")}
    for _ in range(predictions):
        for which, typical in (("tried", 20 * slower), ("serving", 20)):
            for field, value in times(noise, 1, typical).items():
                counts[which][field] += value
        yield {**dict.fromkeys(COUNTED, 0), **{which: dict(values) for which, values in counts.items()}}


def aborted(modules: Modules, canaries: list[list[dict[str, Any]]]) -> float:
    """The part of the canaries that are aborted at any of their looks."""
    calls = [Call("trials/verdict.js", "of", (LIMITS, counts)) for canary in canaries for counts in canary]
    found = iter([result.returned is not None for result in modules.call(calls)])
    return sum(sum([next(found) for _ in canary]) > 0 for canary in canaries) / len(canaries)


@pytest.mark.parametrize(
    ("share", "predictions", "what", "most", "least"),
    [
        (0.008, 3000, ERRORS, 0.05, 0.0),
        (0.01, 3000, ERRORS, 0.05, 0.0),
        (0.05, 400, ERRORS, 1.0, 0.95),
        (0.5, 20, ERRORS, 1.0, 0.95),
        (0.2, 500, DISAGREEMENTS, 0.05, 0.0),
        (0.4, 400, DISAGREEMENTS, 1.0, 0.97),
    ],
)
def test_looking_again_and_again_aborts_no_canary_within_its_limits(
    modules: Modules, share: float, predictions: int, what: tuple[str, str], most: float, least: float
) -> None:
    noise = random.Random(8)
    assert least <= aborted(modules, [[*looks(noise, share, predictions, what)] for _ in range(200)]) <= most


@pytest.mark.parametrize(("slower", "most", "least"), [(1.8, 0.05, 0.0), (2.0, 0.05, 0.0), (3.0, 1.0, 0.97)])
def test_nor_does_it_abort_one_that_takes_no_longer(modules: Modules, slower: float, most: float, least: float) -> None:
    noise = random.Random(9)
    assert least <= aborted(modules, [[*latencies(noise, slower, 200)] for _ in range(100)]) <= most


@pytest.mark.parametrize("told", [True, False])
def test_the_time_in_torchserves_queue_is_not_the_canarys(modules: Modules, told: bool) -> None:
    """Where the workers tell their own; the canary's clients have waited for its only worker."""
    trial = {"id": "c", "kind": "canary", "version": "2.0", "before": "1.0"}
    measured = [("tried", 500, 5.0 if told else None), ("serving", 20, 5.0)] * 30
    calls = [Call("trials/trials.js", "time", (trial, *each)) for each in measured]
    *_, counts = modules.call([*calls, Call("trials/trials.js", "counts", ("c",))])
    (found,) = modules.call([Call("trials/verdict.js", "of", (LIMITS, counts.returned))])
    assert (found.returned is None) == told


def test_what_a_worker_tells_of_its_time(modules: Modules) -> None:
    said = [('{"queue":2,"decode":0.25,"inference":0.5}', 750), ('{"inference":0.5}', 500), ("{}", None), ("", None)]
    results = modules.call([Call("trials/replies.js", "work", (text,)) for text, _ in said])
    assert [result.returned for result in results] == [expected for _, expected in said]


def test_late_is_no_canary_when_the_version_that_serves_takes_as_long(modules: Modules) -> None:
    cases = [
        ("late", 7500, 7400, False),
        ("late", 7500, 7500, True),
        ("late", 7500, 9000, True),
        ("failed", 5, 9, False),
    ]
    results = modules.call([Call("predict/trying.js", "isNoLater", case[:3]) for case in cases])
    assert [result.returned for result in results] == [expected for *_, expected in cases]


def test_a_second_versions_reply_is_taken_only_whole(modules: Modules) -> None:
    good = {"success": True, "version": "2", "predictions": {"a": 0.9, "b": 0.1}, "top_emotion": "a"}
    said = [
        (200, good, "answered"),
        (200, {**good, "version": "1"}, "failed"),
        (200, {**good, "success": False}, "failed"),
        (200, {**good, "predictions": {"a": 1.0}}, "other_labels"),
        (200, {**good, "predictions": {"a": 0.9, "c": 0.1}}, "other_labels"),
        (200, {**good, "predictions": None}, "other_labels"),
        (200, {"success": True, "version": "2", "faces": []}, "answered"),
        (200, {"success": True, "version": "2", "faces": [{"predictions": {"x": 1}}]}, "other_labels"),
        (415, {"success": False, "error": "e"}, "refused"),
        (500, {"success": False, "error": "e"}, "failed"),
        (503, {"code": 503, "message": "Prediction failed"}, "failed"),
        (507, {"code": 507, "message": "Worker died."}, "failed"),
        (503, {"code": 503, "message": "no worker"}, "unavailable"),
        (404, {"code": 404}, "unavailable"),
        (502, {"success": False, "error": "e"}, "unavailable"),
        (504, {"success": False, "error": "e"}, "late"),
        (410, {"success": False, "error": "e"}, "unavailable"),
        (425, {"success": False, "error": "e"}, "unavailable"),
    ]
    calls = [
        Call("trials/replies.js", "result", (status, json.dumps(body), "2", ["b", "a"])) for status, body, _ in said
    ]
    calls += [Call("trials/replies.js", "result", (200, text, "2", ["a"])) for text in ("", "{", "null", "[]", "7")]
    results = [result.returned for result in modules.call(calls)]
    assert results == [expected for *_, expected in said] + ["failed"] * 5


MIB = 2**20
TRIAL = {"id": "t", "kind": "shadow", "version": "2.0"}


def handed_over(request: str, size: int) -> Call:
    """Hand a picture of so many bytes over; its length is all that is looked at."""
    given = {"variables": {"request_id": request}}
    return Call("trials/jobs.js", "handOver", (given, {"length": size}, {"name": "M", "trial": TRIAL}), [(202, "")])


def test_pictures_that_are_compared_have_64_mib_together(modules: Modules) -> None:
    """What finds no room is not compared; what was compared, or whose request is over, makes room once."""
    over = Call("trials/jobs.js", "release", ({"variables": {"trial_jobs": "a-0"}},))
    taken, freed = Call("trials/jobs.js", "take", ("b-0",)), Call("trials/jobs.js", "free", (24 * MIB,))
    calls = [handed_over("a", 40 * MIB), handed_over("b", 24 * MIB), handed_over("c", 1)]
    calls += [over, over, handed_over("d", 40 * MIB), handed_over("e", 1)]
    calls += [taken, taken, handed_over("f", 1), freed, handed_over("g", 24 * MIB), handed_over("h", 1)]
    returned = [result.returned for result in modules.call(calls)]
    assert returned[:3] == ["a-0", "b-0", None]
    assert returned[3:7] == [None, None, "d-0", None]
    assert returned[7:] == [24 * MIB, 0, None, None, "g-0", None]


def test_a_picture_that_cannot_be_handed_over_makes_room_again(modules: Modules) -> None:
    """Once what runs in the background has found that out."""
    lost = Call("trials/jobs.js", "handOver", handed_over("a", 40 * MIB).given)
    waited = Call("models/refresh.js", "tryRefresh", ("M",))
    *_, last = modules.call([lost, waited, handed_over("b", 40 * MIB)])
    assert last.returned == "b-0"
