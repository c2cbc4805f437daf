"""The benchmark: this stack, the backend it replaces and the machine's own limit, measured in one run.

``python -m scripts.bench`` runs it; docs/performance.md is made from what it writes.
"""

from __future__ import annotations

from scripts.errors import UserError


class BenchError(UserError):
    """The benchmark cannot go on; the message says why and what to do."""
