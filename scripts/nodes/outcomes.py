"""What came of a change on several nodes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from scripts.errors import MIXED

# "could": its check passed, and nothing was done; "failed": it refused, or failed and changed nothing.
State = Literal["done", "as it was", "could", "failed", "undone", "not undone"]


@dataclass(frozen=True)
class Outcome:
    """What came of it on one node. ``text`` says it; ``remedy`` is the command that mends what is left."""

    node: str
    state: State
    text: str
    remedy: str | None = None


@dataclass(frozen=True)
class Result:
    """What came of it on all nodes, and the exit code: 0 where it is done everywhere, 7 where it is only on some.

    ``digest`` is the SHA-256 of the archive that was loaded, if one was.
    """

    outcomes: Sequence[Outcome]
    exit_code: int
    digest: str | None = None

    @property
    def sentence(self) -> str:
        """What it comes to."""
        states = {outcome.state for outcome in self.outcomes}
        if states == {"as it was"}:
            return "It was so on every node; nothing was changed."
        if states <= {"done", "as it was"}:
            return "Done on every node."
        if self.exit_code == MIXED:
            return "Not every node is as it was; the commands above mend it."
        if "undone" in states:
            return "Not done: every node is as it was before."
        return "Not done: nothing was changed on any node."

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        nodes = [dict(vars(outcome)) for outcome in self.outcomes]
        return {"exit_code": self.exit_code, "result": self.sentence, "sha256": self.digest, "nodes": nodes}
