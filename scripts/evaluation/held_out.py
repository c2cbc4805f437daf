"""Two halves of the answers: what is fitted on one of them is judged on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sklearn.model_selection import GroupShuffleSplit

from scripts.evaluation import EvaluationError
from scripts.evaluation.intervals import Counts
from scripts.evaluation.metrics import Answers

LEAST_PICTURES = 100  # on both sides together
_SEED = 17


def halves(answers: Answers, digests: Sequence[str], option: str) -> tuple[Counts, Counts]:
    """The places of the pictures to fit on and of those to judge on, each time the same.

    ``digests`` [n] are those of the files: copies of one picture stay on one side, and so do pictures of one person
    where names tell. Raises EvaluationError, which names the ``option``, for fewer than LEAST_PICTURES pictures.
    """
    if len(answers.truth) < LEAST_PICTURES:
        raise EvaluationError(
            f"{option}: {len(answers.truth)} pictures were answered; give at least {LEAST_PICTURES}, better 1,000"
        )
    groups = digests if answers.people is None else answers.people
    try:
        splits = GroupShuffleSplit(n_splits=1, test_size=0.5, random_state=_SEED).split(answers.truth, groups=groups)
        fitting, judging = next(splits)
    except ValueError as error:
        raise EvaluationError(f"{option}: all pictures are of one person or one file; give others") from error
    return fitting, judging


def part(answers: Answers, places: Counts) -> Answers:
    """The answers at these places."""
    return replace(answers, truth=answers.truth[places], probabilities=answers.probabilities[places], people=None)
