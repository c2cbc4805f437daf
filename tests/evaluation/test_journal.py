"""What an interrupted evaluation goes on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.evaluation.journal import Identity, Journal, Outcome, recorded, same_model

MODEL: Identity = {"name": "M", "version": "1.0", "stand_in": False, "probe": {"happy": 0.75, "sad": 0.25}}
ANSWER = Outcome({"happy": 0.5, "sad": 0.5}, 12.5)


def entered(path: Path, identity: Identity) -> dict[str, Outcome]:
    with Journal(path, identity) as journal:
        return dict(journal.outcomes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with an answer and a refusal."""
    path = tmp_path / "answers" / "M.jsonl"
    with Journal(path, MODEL) as journal:
        journal.add("a1", ANSWER)
        journal.add("b2", Outcome(refusal="no picture"))
    return path


def test_outcomes_are_found_again(path: Path) -> None:
    assert entered(path, MODEL) == {"a1": ANSWER, "b2": Outcome(refusal="no picture")}
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize(
    "change",
    [{"version": "2.0"}, {"stand_in": True}, {"digest": "d"}, {"probe": {"happy": 0.748, "sad": 0.252}}, {"probe": {}}],
)
def test_another_model_starts_anew_and_the_first_one_comes_back(path: Path, change: Identity) -> None:
    other = {**MODEL, **change}
    with Journal(path, other) as journal:
        assert journal.outcomes == {}
        journal.add("c3", ANSWER)
    assert entered(path, other) == {"c3": ANSWER}
    assert set(entered(path, MODEL)) == {"a1", "b2"}
    assert [identity for identity, _ in recorded(path)][:2] == [MODEL, other]


def test_another_processors_rounding_is_the_same_model() -> None:
    assert same_model(MODEL, {**MODEL, "probe": {"happy": 0.7501, "sad": 0.2499}})


def test_a_line_that_broke_off_is_passed_over(path: Path) -> None:
    with path.open("a") as file:
        file.write('{"sha256": "c3", "probabil')
    with Journal(path, MODEL) as journal:
        assert set(journal.outcomes) == {"a1", "b2"}
        journal.add("d4", ANSWER)
    assert set(entered(path, MODEL)) == {"a1", "b2", "d4"}


def test_without_a_journal_nothing_is_recorded(tmp_path: Path) -> None:
    assert list(recorded(tmp_path / "none.jsonl")) == []
