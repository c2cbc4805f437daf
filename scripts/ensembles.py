"""Ensembles: entries of ``models.json`` that are the weighted mean of others' answers, which the proxy computes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from scripts.catalogue import CatalogueError, Model, is_ensemble, load_catalogue, read_entries, refuse_unusable_name
from scripts.labels import emotion

Missing = Literal["refuse", "answer"]
_KEYS = {"ensemble", "weights", "missing", "emotions", "labels_of", "accuracy", "dataset"}
# As many networks as one request asks at most: MAX_NETWORKS in proxy/njs/predict/compare.js.
MAX_MEMBERS = 16


@dataclass(frozen=True)
class Ensemble:
    """An ensemble of the catalogue.

    ``weights`` are those of its ``members``, in their order, and above 0; their sum does not matter. ``missing`` says
    what is done without one of them. ``labels_of`` has for each member what its labels mean, as the entry gave it.
    ``entry`` is what the file has of it.
    """

    name: str
    members: tuple[str, ...]
    weights: tuple[float, ...]
    missing: Missing
    emotions: tuple[str, ...]
    labels_of: Mapping[str, Mapping[str, str]]
    entry: Mapping[str, Any]

    @classmethod
    def from_entry(cls, name: str, entry: Mapping[str, Any]) -> Ensemble:
        """The ensemble that GET /api/v1/models shows as ``entry``, which the service has checked."""
        members = tuple(entry["ensemble"])
        weights = tuple(entry.get("weights", (1.0,) * len(members)))
        labels_of = entry.get("labels_of", {})
        return cls(name, members, weights, entry["missing"], tuple(entry["emotions"]), labels_of, entry)

    def label_of(self, member: str, label: str) -> str | None:
        """The ensemble's label for a member's, None if it has none: ``labelOf`` in proxy/njs/models/ensembles.js."""
        meant = self.labels_of.get(member, {}).get(label, label)
        if meant in self.emotions:
            return meant
        return next((own for own in self.emotions if emotion(own) == emotion(meant)), None)


def load_ensembles(path: Path) -> dict[str, Ensemble]:
    """The ensembles of a catalogue, by name. Raises CatalogueError for an entry that cannot be used."""
    models = load_catalogue(path)
    entries = read_entries(path)
    return {name: _ensemble(name, entry, models) for name, entry in entries.items() if is_ensemble(entry)}


def load_names(path: Path) -> dict[str, tuple[str, ...]]:
    """What clients may ask for, ensembles included, and its labels; in the file's order. Raises CatalogueError."""
    served: dict[str, Model | Ensemble] = {**load_catalogue(path), **load_ensembles(path)}
    return {name: served[name].emotions for name in read_entries(path)}


def refusal(path: Path, name: str) -> str | None:
    """Why what is done to archives cannot be done to ``name``: it is an ensemble. None if it is not."""
    ensemble = load_ensembles(path).get(name)
    if ensemble is None:
        return None
    members = ", ".join(ensemble.members)
    return f"{name} is an ensemble, which has no archive of its own; name its members instead: {members}"


def _ensemble(name: str, entry: dict[str, Any], models: Mapping[str, Model]) -> Ensemble:
    refuse_unusable_name(name)
    unknown = sorted(entry.keys() - _KEYS)
    if unknown:
        raise _error(name, f"unknown key {unknown[0]!r} in an ensemble; remove it")
    members = _members(name, entry["ensemble"], models)
    ensemble = Ensemble(
        name=name,
        members=members,
        weights=_weights(name, entry.get("weights"), members),
        missing=_missing(name, entry.get("missing", "refuse")),
        emotions=_emotions(name, entry.get("emotions"), models[members[0]].emotions),
        labels_of=_labels_of(name, entry.get("labels_of", {}), members, models),
        entry=entry,
    )
    for member in members:
        _refuse_other_labels(ensemble, models[member])
    return ensemble


def _error(name: str, problem: str) -> CatalogueError:
    return CatalogueError(f"models.json: {name!r}: {problem}")


def _members(name: str, value: Any, models: Mapping[str, Model]) -> tuple[str, ...]:
    if not isinstance(value, list) or not 2 <= len(value) <= MAX_MEMBERS:
        raise _error(name, f"'ensemble' must be a list of 2 to {MAX_MEMBERS} models, not {value!r}")
    for member in value:
        if not isinstance(member, str) or member not in models:
            raise _error(
                name,
                f"its member {member!r} is no model of models.json with an archive; it may name {', '.join(models)}",
            )
        if value.count(member) > 1:
            raise _error(name, f"names its member {member!r} twice; name it once and give it a greater weight")
    return tuple(value)


def _weights(name: str, value: Any, members: Sequence[str]) -> tuple[float, ...]:
    if value is None:
        return (1.0,) * len(members)
    if not isinstance(value, list) or len(value) != len(members):
        raise _error(name, f"'weights' must be a list of {len(members)} numbers, one for each member, not {value!r}")
    for weight in value:
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < math.inf:
            raise _error(name, f"the weight {weight!r} is not a number above 0; remove the member to do without it")
    return tuple(float(weight) for weight in value)


def _missing(name: str, value: Any) -> Missing:
    if value not in get_args(Missing):
        raise _error(name, f"'missing' must be 'refuse' or 'answer', not {value!r}")
    return value  # type: ignore[no-any-return]


def _emotions(name: str, value: Any, default: tuple[str, ...]) -> tuple[str, ...]:
    if value is None:
        return default
    words = [emotion(label) if isinstance(label, str) and label else None for label in value or ()]
    if not isinstance(value, list) or not words or None in words or len(set(words)) < len(words):
        raise _error(name, f"'emotions' must be a list of labels that mean different emotions, not {value!r}")
    return tuple(value)


def _labels_of(name: str, value: Any, members: Sequence[str], models: Mapping[str, Model]) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise _error(name, "'labels_of' must be an object with the labels of its members")
    for member, table in value.items():
        if member not in members:
            raise _error(name, f"'labels_of' names {member!r}, which is none of its members")
        if not isinstance(table, dict) or not all(isinstance(label, str) for label in table.values()):
            raise _error(name, f"'labels_of' must give for {member!r} an object with a label for each of its labels")
        for label in table.keys() - set(models[member].emotions):
            raise _error(name, f"'labels_of' gives {member!r} the label {label!r}, which it does not have")
    return value


def _refuse_other_labels(ensemble: Ensemble, member: Model) -> None:
    """Raise CatalogueError unless each label has its counterpart, so that the means still add up to one."""
    meant = {label: ensemble.label_of(member.name, label) for label in member.emotions}
    strange = [label for label, own in meant.items() if own is None]
    lacking = [label for label in ensemble.emotions if label not in meant.values()]
    if strange or lacking:
        said = f"says {', '.join(map(repr, strange))}" if strange else ""
        silent = f"never says {', '.join(map(repr, lacking))}" if lacking else ""
        raise _error(
            ensemble.name,
            f"its labels are {', '.join(ensemble.emotions)}, but its member {member.name} "
            f"{' and '.join(filter(None, (said, silent)))}; give it labels that mean the same in 'labels_of', "
            "or other 'emotions', or leave it out",
        )
