"""The temperature that makes a model as sure as it is right: fitted on half of the pictures, judged on the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from scripts.evaluation.held_out import halves, part
from scripts.evaluation.metrics import LEAST, Answers, calibration, log_likelihood

_BOUNDS = (0.05, 20.0)


def fit(answers: Answers, digests: Sequence[str], served: float) -> dict[str, Any]:
    """Fit one temperature (Guo et al., https://arxiv.org/abs/1706.04599) and say what it does to held-out pictures.

    ``digests`` [n] are those of the files. ``served`` is the temperature that the answers were made with already, 1
    without one; the one found takes its place. Raises EvaluationError as ``halves`` does.
    """
    fitting, held_out = halves(answers, digests, "--fit-temperature")
    found = _fitted(part(answers, fitting))
    before = part(answers, held_out)
    after = heated(before, found)
    return {
        "temperature": round(found * served, 3),
        "served": served,
        "fitted_on": len(fitting),
        "held_out": len(held_out),
        "before": _judged(before),
        "after": _judged(after),
        "helps": log_likelihood(after) < log_likelihood(before),
    }


def heated(answers: Answers, temperature: float) -> Answers:
    """The answers as they would be with the logits divided by ``temperature``.

    softmax(z / T) is softmax(z)^(1/T), renormalised: logits are known but for a constant, which the softmax drops.
    """
    logits = np.log(np.maximum(answers.probabilities, LEAST)) / temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return replace(answers, probabilities=powers / powers.sum(axis=1, keepdims=True))


def _fitted(answers: Answers) -> float:
    """The temperature with the least negative log-likelihood; sought by its logarithm, in which that is even."""
    found = minimize_scalar(
        lambda power: log_likelihood(heated(answers, float(np.exp(power)))),
        bounds=tuple(np.log(_BOUNDS)),
        method="bounded",
        options={"xatol": 1e-4},
    )
    return float(np.exp(found.x))


def _judged(answers: Answers) -> dict[str, float]:
    found = calibration(answers)
    return {"nll": found["nll"], "ece": found["ece"]}
