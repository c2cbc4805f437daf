"""Whether an archive of fewer bits answers like the float32 one on pictures that neither was made with."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.archives.intervals import Interval, mean, paired, wilson
from scripts.precision import Gate

Predictions = Mapping[str, float]


@dataclass(frozen=True)
class Finding:
    """One comparison: a line for a person, whether it holds, and what is kept of it under ``name``."""

    name: str
    line: str
    holds: bool
    kept: dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One picture: its label (None: not known) and the probabilities of both archives."""

    truth: str | None
    exact: Predictions
    other: Predictions

    @property
    def agrees(self) -> bool:
        """Whether both say the same label."""
        return _top(self.exact) == _top(self.other)

    @property
    def difference(self) -> float:
        """The mean absolute difference of a probability."""
        return statistics.fmean(abs(self.exact[label] - self.other[label]) for label in self.exact)


def cases(truths: Sequence[str | None], exact: Sequence[Any], other: Sequence[Any]) -> tuple[list[Case], str | None]:
    """Pair the handlers' answers; without pictures that the float32 archive cannot read.

    Also says what is wrong with an answer of the other archive, or None.
    """
    paired_up = []
    for truth, one, two in zip(truths, exact, other, strict=True):
        if not one.get("success"):
            continue
        predictions = two.get("predictions")
        if not isinstance(predictions, dict):
            return [], f"it answers {two.get('error', two)}"
        if predictions.keys() != one["predictions"].keys():
            return [], f"it answers the labels {', '.join(predictions)}"
        paired_up.append(Case(truth, one["predictions"], predictions))
    return paired_up, None


def judge(found: Sequence[Case], labels: Sequence[str], limits: Gate) -> list[Finding]:
    """Compare the answers; ``limits`` are those ``for_precision``."""
    return [_agreement(found, limits), _difference(found, limits), *_labelled(found, labels, limits)]


def _agreement(found: Sequence[Case], limits: Gate) -> Finding:
    same = sum(case.agrees for case in found)
    share, interval = same / len(found), wilson(same, len(found))
    least = limits.agreement or 0
    line = f"same answer: {_percent(share)} of {len(found)} ({_interval(interval)}), at least {least:g} %"
    return Finding("agreement", line, round(share * 100, 9) >= least, _kept(share, interval))


def _difference(found: Sequence[Case], limits: Gate) -> Finding:
    differences = [case.difference for case in found]
    middle, interval = statistics.fmean(differences), mean(differences)
    line = (
        f"mean difference of a probability: {middle:.4f} ({interval[0]:.4f} to {interval[1]:.4f}), "
        f"at most {limits.difference:g}"
    )
    return Finding("difference", line, middle <= limits.difference, _kept(middle, interval))


def _labelled(found: Sequence[Case], labels: Sequence[str], limits: Gate) -> Iterator[Finding]:
    known = [case for case in found if case.truth is not None]
    if not known:
        return
    yield _loss("accuracy", known, limits.accuracy, beyond_interval=False)
    for label in labels:
        if of_label := [case for case in known if case.truth == label]:
            yield _loss(f"recall of {label}", of_label, limits.recall, beyond_interval=True)


def _loss(name: str, known: Sequence[Case], limit: float, *, beyond_interval: bool) -> Finding:
    """How many right answers are lost; ``beyond_interval``: with a loss that chance may explain it holds."""
    before = [_top(case.exact) == case.truth for case in known]
    after = [_top(case.other) == case.truth for case in known]
    lost = sum(one and not two for one, two in zip(before, after, strict=True))
    gained = sum(two and not one for one, two in zip(before, after, strict=True))
    low, high = paired(lost, gained, len(known))
    share, interval = sum(after) / len(known), wilson(sum(after), len(known))
    judged = low if beyond_interval else (lost - gained) / len(known)
    allowed = f"at most {limit:g} points lost" + (" beyond the interval" if beyond_interval else "")
    line = (
        f"{name}: {_percent(share)} of {len(known)} ({_interval(interval)}), "
        f"{_percent(sum(before) / len(known))} before; "
        f"{(gained - lost) / len(known) * 100:+.1f} points ({-high * 100:+.1f} to {-low * 100:+.1f}), {allowed}"
    )
    kept = {**_kept(share, interval), "f32": round(sum(before) / len(known), 4)}
    return Finding(name, line, round(judged * 100, 9) <= limit, kept)


def _top(predictions: Predictions) -> str:
    return max(predictions, key=lambda label: predictions[label])


def _percent(share: float) -> str:
    return f"{share * 100:.1f} %"


def _interval(interval: Interval) -> str:
    return f"{interval[0] * 100:.1f} to {interval[1] * 100:.1f}"


def _kept(value: float, interval: Interval) -> dict[str, Any]:
    return {"value": round(value, 4), "low": round(interval[0], 4), "high": round(interval[1], 4)}
