"""Ask about many pictures, several at a time, and keep what came of each."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from scripts.client.pictures import Picture
from scripts.client.service import Answer, PredictError
from scripts.labels import emotion

Ask = Callable[[Picture, str], list[Answer]]


@dataclass(frozen=True)
class Outcome:
    """What one model said of one picture: an answer, one for each of its faces, or why there is none."""

    picture: Picture
    model: str
    answers: Sequence[Answer] = ()
    error: PredictError | None = None


def ask_all(ask: Ask, pictures: Sequence[Picture], models: Sequence[str], at_once: int) -> Iterator[Outcome]:
    """Ask each model about each picture, ``at_once`` at the same time; the outcomes in that order, as they come."""

    def outcome(pair: tuple[Picture, str]) -> Outcome:
        try:
            return Outcome(*pair, ask(*pair))
        except PredictError as error:
            return Outcome(*pair, error=error)

    executor = ThreadPoolExecutor(at_once)
    try:
        yield from executor.map(outcome, itertools.product(pictures, models))
    finally:
        executor.shutdown(cancel_futures=True)


def exit_code(outcomes: Iterable[Outcome]) -> int:
    """That of the worst failure, 0 without any."""
    return max((outcome.error.exit_code for outcome in outcomes if outcome.error), default=0)


def summary(outcomes: Sequence[Outcome], seconds: float) -> str:
    """How many pictures and answers there were, what they said, and how many failed."""
    answers = [answer for outcome in outcomes for answer in outcome.answers]
    said = Counter(emotion(answer.top) for answer in answers)
    failed = sum(outcome.error is not None for outcome in outcomes)
    parts = [f"{label} {count}" for label, count in said.most_common()] + ([f"{failed} failed"] if failed else [])
    pictures = len({outcome.picture.name for outcome in outcomes})
    told = f"{pictures} picture{'s'[: pictures != 1]}, {len(answers)} answer{'s'[: len(answers) != 1]}"
    return f"{told} in {seconds:.1f} s: {', '.join(parts)}"
