"""Whether a model has the accuracy that ``models.json`` claims."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from scripts.catalogue import Model


@dataclass(frozen=True)
class Claim:
    """An accuracy in percent, and the data it was claimed for."""

    accuracy: float
    dataset: str


def claim_of(name: str, catalogue: Mapping[str, Model], entry: Mapping[str, Any]) -> Claim | None:
    """The accuracy in ``catalogue``, or, for a model that it lacks, in the service's own ``entry``."""
    if name in catalogue:
        accuracy, dataset = catalogue[name].accuracy, catalogue[name].dataset
    else:
        accuracy, dataset = entry.get("accuracy"), str(entry.get("dataset"))
    return None if accuracy is None else Claim(accuracy, dataset)


def judge(measured: Mapping[str, Any], claim: Claim | None, margin: float, stand_in: bool) -> dict[str, Any] | None:
    """How measured accuracy (shares of 1) compares with the claim: reached if at most ``margin`` points are missing.

    A stand-in has nothing of what is claimed of a trained network, whatever it answers.
    """
    if claim is None:
        return None
    short = claim.accuracy if stand_in else round(claim.accuracy - 100 * measured["value"], 2)
    return {
        "accuracy": claim.accuracy,
        "dataset": claim.dataset,
        "margin": margin,
        "stand_in": stand_in,
        "short_by": short,
        "reached": short <= margin,
        "within_interval": not stand_in and 100 * measured["low"] <= claim.accuracy <= 100 * measured["high"],
    }


def verdict(claim: Mapping[str, Any] | None) -> str:
    """The same as a sentence."""
    if claim is None:
        return "models.json claims no accuracy for this model."
    claimed = f"models.json claims {claim['accuracy']:.2f} % on {claim['dataset']}"
    if claim["stand_in"]:
        return f"{claimed}, which a stand-in cannot show."
    inside = " The claim lies in the interval." if claim["within_interval"] else ""
    if claim["short_by"] <= 0:
        return f"{claimed}: reached.{inside}"
    beyond = (
        f"within the margin of {claim['margin']:g}"
        if claim["reached"]
        else f"more than the margin of {claim['margin']:g}"
    )
    return f"{claimed}: short of it by {claim['short_by']:.2f} points, {beyond}.{inside}"
