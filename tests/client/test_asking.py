"""Which pictures scripts/predict sends, and what it makes of what comes of them; no service is asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.client.__main__ import first_served
from scripts.client.grid import agreement
from scripts.client.outcomes import Outcome, ask_all, exit_code, summary
from scripts.client.pictures import Picture, pictures
from scripts.client.service import Answer, NoServiceError, PredictError, with_scheme

ONE = Picture("one.jpg")


def answer(model: str, top: str = "happy") -> Answer:
    return Answer(ONE.name, model, {top: 0.75, "other": 0.25}, 1.0, {})


def outcomes(**labels: str) -> list[Outcome]:
    """What each model says of a picture; an empty label stands for a failure."""
    return [
        Outcome(ONE, model, [answer(model, top)]) if top else Outcome(ONE, model, error=PredictError("busy", 503))
        for model, top in labels.items()
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "below/c.webp", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(folder: Path, found: Sequence[Picture]) -> list[str]:
    return [str(Path(picture.name).relative_to(folder)) for picture in found]


def test_the_pictures_of_a_folder_and_below_it_are_meant_by_its_name(folder: Path) -> None:
    assert names(folder, pictures([str(folder)])) == ["a.JPG", "b.png", "below/c.webp"]


def test_a_pattern_that_no_shell_replaced_is_replaced_and_none_is_asked_twice(folder: Path) -> None:
    found = pictures([f"{folder}/b.png", f"{folder}/**/*.*g", f"{folder}/notes.txt"])
    assert names(folder, found) == ["b.png", "notes.txt"]
    assert names(folder, pictures([f"{folder}/**/*.webp"])) == ["below/c.webp"]


def test_a_file_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "face[1].jpg").touch()
    assert names(tmp_path, pictures([f"{tmp_path}/face[1].jpg"])) == ["face[1].jpg"]


@pytest.mark.parametrize(
    ("argument", "reason"), [("*.tiff", "nothing matches"), ("below", "no pictures in this folder")]
)
def test_where_no_picture_is_meant_it_is_said(tmp_path: Path, argument: str, reason: str) -> None:
    (tmp_path / "below").mkdir()
    with pytest.raises(PredictError, match=reason):
        pictures([f"{tmp_path}/{argument}"])


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("localhost:9000", "http://localhost:9000"),
        (":9000", "http://localhost:9000"),
        ("https://example.org", "https://example.org"),
    ],
)
def test_a_url_may_be_without_its_scheme(given: str, url: str) -> None:
    assert with_scheme(given) == url


def test_outcomes_come_in_order_and_a_failure_is_one_of_them() -> None:
    def ask(picture: Picture, model: str) -> list[Answer]:
        if picture.name == "bad.jpg":
            raise PredictError("no picture", 415)
        return [answer(model)]

    found = list(ask_all(ask, [ONE, Picture("bad.jpg")], ["A", "B"], 2))
    assert [(outcome.picture.name, outcome.model, outcome.error is None) for outcome in found] == [
        ("one.jpg", "A", True),
        ("one.jpg", "B", True),
        ("bad.jpg", "A", False),
        ("bad.jpg", "B", False),
    ]
    assert summary(found, 2.0) == "2 pictures, 2 answers in 2.0 s: happiness 2, 2 failed"


def test_the_exit_code_is_that_of_the_worst_failure() -> None:
    failures = {
        0: None,
        1: PredictError("not a picture", 415),
        3: PredictError("still loading", 503),
        4: NoServiceError("nothing answers"),
    }
    for worst in failures:
        some = [Outcome(ONE, "A", error=error) for code, error in failures.items() if code <= worst]
        assert exit_code(some) == worst


def test_agreement_is_of_emotions_whatever_they_are_called_and_not_of_stand_ins_beside_others() -> None:
    said, real, stand_in = outcomes(A="happy", B="Happiness", C="sad", D=""), {"stand_in": False}, {"stand_in": True}
    assert agreement(said, {"A": real, "B": real, "C": real, "D": real}) == "2 of 3 say happiness."
    assert agreement(said, {"A": stand_in, "B": stand_in, "C": real, "D": stand_in}) == "1 of 1 say sadness."
    assert agreement(said, {"A": stand_in, "B": stand_in, "C": stand_in, "D": stand_in}) == "2 of 3 say happiness."
    assert agreement(outcomes(A=""), {"A": real}) == "No model answered."


@pytest.mark.parametrize(
    ("catalogue", "asked"),
    [({"a": {"error": "is missing"}, "b": {}}, ["b"]), ({"a": {"error": "is missing"}}, ["a"]), ({}, [])],
)
def test_without_a_name_the_first_model_that_is_served_is_asked(
    catalogue: dict[str, dict[str, str]], asked: list[str]
) -> None:
    assert first_served(catalogue) == asked


def test_one_is_not_said_like_many() -> None:
    assert summary(outcomes(a="happy")[:1], 1.0).startswith("1 picture, 1 answer in ")
