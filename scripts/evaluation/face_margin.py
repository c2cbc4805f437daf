"""The margin around a face that suits a model: chosen on half of the pictures, judged on the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.evaluation.held_out import halves, part
from scripts.evaluation.metrics import Answers, log_likelihood

DEFAULT = 0.2  # of handlers/face_finder.py, for a model whose entry has none
# Parts of the face's side, on each side. Beyond the last one most of a cut is no face.
MARGINS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6)


def fit(answers: Mapping[float, Answers], digests: Sequence[str], served: float) -> dict[str, Any]:
    """Choose among the margins of ``answers`` and say what the best one does to held-out pictures.

    ``answers`` are those about the same pictures at each margin, ``served`` is the margin of models.json and one of
    them; ``digests`` [n] are those of the pictures. The best has the least negative log-likelihood. Raises
    EvaluationError as ``halves`` does.
    """
    fitting, held_out = halves(answers[served], digests, "--fit-margin")
    tried = {margin: part(found, fitting) for margin, found in answers.items()}
    best = min(tried, key=lambda margin: log_likelihood(tried[margin]))
    before, after = (part(answers[margin], held_out) for margin in (served, best))
    return {
        "margin": best,
        "served": served,
        "fitted_on": len(fitting),
        "held_out": len(held_out),
        "tried": [{"margin": margin, **_judged(found)} for margin, found in sorted(tried.items())],
        "before": _judged(before),
        "after": _judged(after),
        "helps": best != served and log_likelihood(after) < log_likelihood(before),
    }


def _judged(answers: Answers) -> dict[str, float]:
    return {"accuracy": round(float(answers.right.mean()), 4), "nll": round(log_likelihood(answers), 4)}
