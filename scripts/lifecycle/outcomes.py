"""What a change to the running models comes to: what was done, or why nothing was."""

from __future__ import annotations

from dataclasses import dataclass

from scripts.errors import LATE, UNKNOWN, UserError


class LifecycleError(UserError):
    """A change was refused and nothing was changed; the message says why and what to do."""


class UnknownModelError(LifecycleError):
    """No such model, or no such version of it, is registered."""

    exit_code = UNKNOWN


class UnfinishedError(UserError):
    """The change was made, but not all that belongs to it; the message says what is so now and what to do."""

    exit_code = LATE


@dataclass(frozen=True)
class Change:
    """What was done: ``workers`` of ``version`` serve; ``before`` is the version that served, if another one did.

    Not ``changed``: it was so already.
    """

    model: str
    version: str
    workers: int
    before: str | None = None
    changed: bool = True

    def __str__(self) -> str:
        text = f"{self.model} {self.version} with {self.workers} worker(s)"
        return text + (f", before {self.before}" if self.before else "") + ("" if self.changed else ", as it was")
