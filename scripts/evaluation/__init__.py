"""What a model is worth on labelled pictures, measured through the running service."""

from __future__ import annotations

from scripts.errors import UserError


class EvaluationError(UserError):
    """The evaluation cannot be made; the message names the value and the remedy."""
