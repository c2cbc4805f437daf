"""Two models, or two versions of one, on the same pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.evaluation.intervals import mcnemar, wilson
from scripts.labels import emotion


@dataclass(frozen=True)
class Said:
    """One model's answer on a picture: label and probability."""

    label: str
    confidence: float


def said(probabilities: Mapping[str, float]) -> Said:
    """The most probable label."""
    label = max(probabilities, key=probabilities.__getitem__)
    return Said(label, probabilities[label])


def compare(
    names: Sequence[str], truth: Sequence[str], first: Sequence[Said], second: Sequence[Said], other: str
) -> dict[str, Any]:
    """What two models say to the same pictures, of which ``truth`` are the labels; words for one emotion are the same.

    ``other`` is what the second is called. At least one picture is needed.
    """
    rights = [
        [emotion(one.label) == emotion(label) for one, label in zip(each, truth, strict=True)]
        for each in (first, second)
    ]
    agreed = [emotion(one.label) == emotion(two.label) for one, two in zip(first, second, strict=True)]
    only_first = sum(one and not two for one, two in zip(*rights, strict=True))
    only_second = sum(two and not one for one, two in zip(*rights, strict=True))
    return {
        "other": other,
        "pictures": len(names),
        "agreement": wilson(sum(agreed), len(agreed)).to_json(),
        "accuracy": wilson(sum(rights[0]), len(names)).to_json(),
        "other_accuracy": wilson(sum(rights[1]), len(names)).to_json(),
        "only_this_right": only_first,
        "only_other_right": only_second,
        "mcnemar_p": mcnemar(only_first, only_second),
        "differences": _differences(names, truth, first, second),
    }


def _differences(
    names: Sequence[str], truth: Sequence[str], first: Sequence[Said], second: Sequence[Said]
) -> list[dict[str, Any]]:
    """The pictures that are called differently, those first where both were the surest."""
    found = [
        {
            "file": name,
            "label": label,
            "this": one.label,
            "other": two.label,
            "sure": min(one.confidence, two.confidence),
        }
        for name, label, one, two in zip(names, truth, first, second, strict=True)
        if emotion(one.label) != emotion(two.label)
    ]
    return sorted(found, key=lambda difference: (-float(str(difference["sure"])), str(difference["file"])))
