"""What the gate lets pass, by what two archives answer; no network computes here."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.archives.gate import Case, Finding, cases, judge
from scripts.archives.intervals import mean, paired, wilson
from scripts.precision import Gate

LABELS = ("calm", "happy", "sad")
LIMITS = Gate().for_precision("int8")


def sure(label: str, probability: float = 0.8) -> dict[str, float]:
    rest = (1 - probability) / 2
    return {name: probability if name == label else rest for name in LABELS}


def same(label: str, count: int, truth: str | None = None) -> list[Case]:
    return [Case(truth, sure(label), sure(label, 0.801))] * count


def changed(before: str, after: str, count: int, truth: str | None = None) -> list[Case]:
    return [Case(truth, sure(before, 0.34), sure(after, 0.34))] * count


def failing(found: list[Case], limits: Gate = LIMITS) -> list[str]:
    return [finding.name for finding in judge(found, LABELS, limits) if not finding.holds]


def test_nearly_the_same_answers_hold_and_are_told_with_their_intervals() -> None:
    findings = judge([*same("sad", 97), *changed("sad", "calm", 3)], LABELS, LIMITS)
    assert [finding.holds for finding in findings] == [True, True]
    assert findings[0].line == "same answer: 97.0 % of 100 (91.5 to 99.0), at least 97 %"
    assert findings[0].kept == {"value": 0.97, "low": 0.9155, "high": 0.9897}
    assert findings[1].line == "mean difference of a probability: 0.0008 (0.0006 to 0.0010), at most 0.01"


def test_bf16_must_agree_more_than_int8_unless_a_limit_is_set() -> None:
    found = [*same("sad", 196), *changed("sad", "calm", 4)]
    assert failing(found) == []
    assert failing(found, Gate().for_precision("bf16")) == ["agreement"]
    assert failing(found, Gate(agreement=95).for_precision("bf16")) == []


def test_probabilities_that_are_off_are_found_though_the_answers_agree() -> None:
    found = [Case(None, sure("sad", 0.9), sure("sad", 0.8))] * 100
    assert failing(found) == ["difference"]
    assert failing(found, Gate(difference=0.1).for_precision("int8")) == []


def test_half_a_point_of_accuracy_may_be_lost_and_no_more() -> None:
    lost, rest = changed("sad", "calm", 1, "sad"), same("sad", 199, "sad")
    assert failing([*lost, *rest]) == []
    assert failing([*lost * 2, *rest[:-1]]) == ["accuracy"]
    assert failing([*lost * 2, *changed("calm", "sad", 1, "sad"), *rest[:-2]]) == [], "one is won back"
    assert failing([*lost * 2, *rest[:-1]], Gate(accuracy=1).for_precision("int8")) == []


def test_a_label_that_is_lost_is_found_among_many_answers_that_are_right() -> None:
    rest = same("sad", 2000, "sad")
    assert failing([*rest, *same("happy", 20, "happy"), *changed("happy", "sad", 9, "happy")]) == ["recall of happy"]
    few = [*same("happy", 19, "happy"), *changed("happy", "sad", 1, "happy")]
    assert failing([*rest, *few]) == [], "one of twenty may be by chance"


def test_pictures_without_a_label_count_for_agreement_only() -> None:
    findings = judge([*same("sad", 50), *same("happy", 50, "calm")], LABELS, LIMITS)
    assert [finding.name for finding in findings] == ["agreement", "difference", "accuracy", "recall of calm"]
    assert findings[0].line.startswith("same answer: 100.0 % of 100 ")
    assert findings[2].line.startswith("accuracy: 0.0 % of 50 ")


def answer(label: str) -> dict[str, Any]:
    return {"success": True, "predictions": sure(label)}


def test_what_float32_cannot_read_is_left_out_and_what_only_the_other_cannot_is_told() -> None:
    broken = {"success": False, "error": "The image is empty."}
    found, problem = cases(["sad", None], [answer("sad"), broken], [answer("sad"), broken])
    assert (len(found), problem) == (1, None)
    assert cases([None], [answer("sad")], [broken]) == ([], "it answers The image is empty.")


def test_answers_with_other_labels_are_told() -> None:
    other = {"success": True, "predictions": {"calm": 0.5, "merry": 0.5}}
    assert cases([None], [answer("sad")], [other]) == ([], "it answers the labels calm, merry")


def test_a_finding_says_what_is_kept_in_the_archive() -> None:
    finding: Finding = judge(same("sad", 100, "sad"), LABELS, LIMITS)[2]
    assert finding.kept == {"value": 1.0, "low": 0.963, "high": 1.0, "f32": 1.0}


def test_the_intervals_are_those_of_the_books() -> None:
    # Newcombe 1998 (doi:10.1002/(SICI)1097-0258(19980430)17:8<857::AID-SIM777>3.0.CO;2-E), table I.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    low, high = paired(10, 4, 100)
    assert (low + high) / 2 == pytest.approx(6 / 102)
    assert (high - low) / 2 == pytest.approx(1.96 * (15 - 36 / 102) ** 0.5 / 102, abs=1e-4)
    assert mean([0.0, 1.0] * 50) == pytest.approx((0.4015, 0.5985), abs=1e-4)
