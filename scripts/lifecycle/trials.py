"""Canaries and shadows: the second version of a model that the proxy tries beside the one that serves.

``trials.json`` in the run directory says which there are, ``trial_outcomes.json`` what the proxy has counted of them
(``proxy/njs/poller/trials.js``). Both survive the stack.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from scripts.files import write_text
from scripts.lifecycle.outcomes import LifecycleError
from scripts.settings import Settings

Kind = Literal["canary", "shadow"]


@dataclass(frozen=True)
class Limits:
    """When a canary is aborted: failures in percent, times as long as the version that serves takes, other answers in
    percent.
    """

    errors: float = 1.0
    slower: float = 2.0
    disagreement: float = 20.0


@dataclass(frozen=True)
class Trial:
    """``version`` is tried beside ``before``, the one that serves, which it was when this began.

    ``percent`` is that of the clients, or of the predictions for a shadow; ``by`` is what tells clients apart.
    """

    kind: Kind
    version: str
    before: str
    percent: float
    by: str
    id: str
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class Outcome:
    """What the proxy said of a trial last.

    ``end`` has its ``reason`` and ``text``, None while it goes on; ``under_way`` while its version is READY. The times
    are geometric means in milliseconds, of decoding and inference where both versions tell them. ``labels`` has, by the
    label of the version that serves, how many pictures both versions answered, and how many of them alike.
    """

    under_way: bool = False
    end: Mapping[str, str] | None = None
    asked: int = 0
    failed: int = 0
    compared: int = 0
    agreed: int = 0
    milliseconds: float | None = None
    serving_milliseconds: float | None = None
    results: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def read_trials(settings: Settings) -> dict[str, Trial]:
    """The canaries and shadows, by the clients' names of their models; empty without a readable file."""
    try:
        content = json.loads(settings.trials_file.read_text(encoding="utf-8"))
        return {name: Trial(**{**value, "limits": Limits(**value["limits"])}) for name, value in content.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return {}


def record_trial(settings: Settings, name: str, trial: Trial | None) -> None:
    """Put a model's trial in place of the one before; None for none."""
    others = {other: asdict(found) for other, found in read_trials(settings).items() if other != name}
    content = others | ({name: asdict(trial)} if trial else {})
    write_text(settings.trials_file, json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def read_outcome(settings: Settings, name: str, trial: Trial) -> Outcome:
    """What the proxy has counted of a trial; nothing before its first second."""
    try:
        said = json.loads(settings.trial_outcomes_file.read_text(encoding="utf-8"))[name]
        return _outcome(said) if said["id"] == trial.id else Outcome()
    except (OSError, ValueError, TypeError, KeyError):
        return Outcome()


def is_noticed(settings: Settings, name: str, trial: Trial | None) -> bool:
    """Whether the proxy goes by what is recorded: its version gets predictions, or with None no other does any more.

    True also if it has ended since.
    """
    try:
        said = json.loads(settings.trial_outcomes_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return trial is None
    if trial is None:
        return name not in said
    found = said.get(name, {})
    return bool(
        found.get("id") == trial.id and found["percent"] == trial.percent and (found["under_way"] or found["end"])
    )


def require_no_trial(settings: Settings, name: str, version: str | None = None) -> None:
    """Raise LifecycleError while ``version`` of the model ``name``, or any, is tried: that is to be decided first."""
    if reason := standing_trial(settings, name, version):
        raise LifecycleError(reason)


def standing_trial(settings: Settings, name: str, version: str | None = None) -> str | None:
    """What is to be decided of the trial of ``version``, or any, before it can be changed; None without one."""
    trial = read_trials(settings).get(name)
    if trial is None or version not in (None, trial.version):
        return None
    end = read_outcome(settings, name, trial).end
    if end and end["reason"] == "promoted":
        return None
    if end is None:
        return (
            f"version {trial.version} of {name} is a {trial.kind} now: `scripts/models promote {name}` lets it serve, "
            f"`scripts/models abort {name}` removes it; nothing was changed"
        )
    return (
        f"version {trial.version} of {name} was a {trial.kind} that has ended ({end['text']}): "
        f"`scripts/models abort {name}` removes it; nothing was changed"
    )


def _outcome(said: Mapping[str, Any]) -> Outcome:
    counts: Mapping[str, float] = said["counts"]
    compared = _after("label compared ", counts)
    agreed = _after("label agreed ", counts)
    work = " work" if counts.get("tried work count") and counts.get("serving work count") else ""
    return Outcome(
        under_way=bool(said["under_way"]),
        end=said["end"],
        **{what: round(counts.get(what, 0)) for what in ("asked", "failed", "compared", "agreed")},
        milliseconds=_typical(f"tried{work}", counts),
        serving_milliseconds=_typical(f"serving{work}", counts),
        results=_after("result ", counts),
        labels={label: (count, agreed.get(label, 0)) for label, count in compared.items()},
    )


def _after(prefix: str, counts: Mapping[str, float]) -> dict[str, int]:
    found = {key.removeprefix(prefix): round(count) for key, count in counts.items() if key.startswith(prefix)}
    return dict(sorted(found.items()))


def _typical(which: str, counts: Mapping[str, float]) -> float | None:
    count = counts.get(f"{which} count", 0)
    return round(math.exp(counts[f"{which} sum"] / count), 1) if count else None
