"""What the supervisor says of the stack, in a file for ``status`` and the proxy; it removes the file at its end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Literal

from scripts.files import write_text
from scripts.settings import Settings

State = Literal["running", "starting", "failing"]


@dataclass
class PartState:
    """One part of the stack. ``restarts`` counts how often the supervisor has brought it back.

    ``failing`` it ended soon after it was started, and will be started again after a pause. ``since`` is when the
    state was entered, in seconds since the epoch; ``pause`` how many seconds later the part is started again.
    """

    state: State = "running"
    restarts: int = 0
    since: float = 0.0
    pause: float = 0.0


@dataclass
class Supervision:
    """The supervisor's process id, and its parts by name."""

    pid: int
    parts: dict[str, PartState] = field(default_factory=dict)


def write_supervision(settings: Settings, supervision: Supervision) -> None:
    """Replace the file."""
    write_text(settings.supervision_file, json.dumps(asdict(supervision)) + "\n")


def read_supervision(settings: Settings) -> Supervision | None:
    """What the supervisor said last, None if it has not said anything usable."""
    try:
        said = json.loads(settings.supervision_file.read_text(encoding="utf-8"))
        return Supervision(said["pid"], {name: PartState(**part) for name, part in said["parts"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
