"""The catalogue ``models.json``: the only list of models."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from scripts.environment import SettingsError
from scripts.errors import UserError
from scripts.precision import PRECISIONS, PREPROCESSINGS


@dataclass(frozen=True)
class Architecture:
    """What there is to know of one architecture; a new one is an entry in ARCHITECTURES and no other code.

    ``torchvision_name`` is its builder's in ``torchvision.models``, ``last_layer`` the linear layer with one output per
    label. ``checkpoint_bytes`` is roughly the size of a checkpoint, ``logit_spread`` the standard deviation over its
    images of the logits of a stand-in that knows no faces: chosen so that a wrong preprocessing shows in the
    probabilities (more than 0.01) and float32's rounding does not (less than 1e-5).
    """

    torchvision_name: str
    last_layer: str
    checkpoint_bytes: int
    logit_spread: float


ARCHITECTURES = {
    "MobileNetV2": Architecture("mobilenet_v2", "classifier.1", 9_200_000, 2.0),
    "ResNet50": Architecture("resnet50", "fc", 94_400_000, 2.0),
    "VGG19": Architecture("vgg19", "classifier.6", 558_400_000, 6.0),
}

_OF_THE_ARCHIVE = ("precision", "temperature", "preprocessing")
# Three times as wide as the face: what is around it beyond that tells nothing of it.
MOST_MARGIN = 1.0

# torch-model-archiver 0.12 (model_packaging_utils.py) accepts no other model names.
_ARCHIVE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_\-.]*$")


class CatalogueError(UserError):
    """``models.json`` cannot be used; the message names the entry and the remedy."""


@dataclass(frozen=True)
class Model:
    """One classifier of the catalogue.

    ``emotions`` are the labels in the order of the network's outputs; ``accuracy`` is in percent; ``precision`` and
    ``preprocessing`` are what its archive must have, None for whatever the build is told; the logits are divided by
    ``temperature`` before the softmax, None leaves them as they are. ``face_margin`` is how much of a face's side the
    pictures that it was trained on show around the face, on each side (docs/faces.md); None for the handler's default.
    """

    name: str
    architecture: str
    dataset: str
    emotions: tuple[str, ...]
    accuracy: float | None = None
    precision: str | None = None
    temperature: float | None = None
    preprocessing: str | None = None
    face_margin: float | None = None

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Model:
        """The model that ``to_json`` described."""
        return cls(**{**fields, "emotions": tuple(fields["emotions"])})

    def to_json(self) -> dict[str, Any]:
        """Its fields as JSON has them."""
        return {**asdict(self), "emotions": list(self.emotions)}

    @property
    def entry(self) -> dict[str, Any]:
        """What an archive is made for: all fields but those that it may have otherwise until it is built again."""
        return {name: value for name, value in self.to_json().items() if name not in _OF_THE_ARCHIVE}

    @property
    def archive_name(self) -> str:
        """The name TorchServe knows the model by: ``+`` becomes ``plus``."""
        return self.name.replace("+", "plus")

    @property
    def archive_file(self) -> str:
        """File name of the archive in the model store."""
        return f"{self.archive_name}.mar"

    @property
    def checkpoint_file(self) -> str:
        """File name of the checkpoint in ``results/``."""
        return f"{self.name}_best.pt"


def load_catalogue(path: Path) -> dict[str, Model]:
    """Read and check the catalogue.

    Returns the models by name, in the file's order, without its ensembles. Raises CatalogueError for a file that is
    missing, is not JSON, or has an entry that could not be built or served.
    """
    entries = read_entries(path)
    models = {name: _model(name, entry) for name, entry in entries.items() if not is_ensemble(entry)}
    if not models:
        raise CatalogueError(f"{path.name}: has ensembles only; add an entry for each of their members")
    _refuse_shared_archive_names(models.values())
    return models


def is_ensemble(entry: Any) -> bool:
    """Whether an entry is an ensemble of others (``scripts/ensembles.py``), which has no archive."""
    return isinstance(entry, dict) and "ensemble" in entry


def read_entries(path: Path) -> dict[str, Any]:
    """The entries by name as the file has them, unchecked. Raises CatalogueError for a file that has none."""
    try:
        # utf-8-sig: some editors put a byte order mark before the text.
        entries = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise CatalogueError(f"{path.name}: cannot be read ({error.strerror}); restore it from git") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: not valid JSON: {error}") from error
    if not isinstance(entries, dict) or not entries:
        raise CatalogueError(f"{path.name}: must be an object with one entry per model")
    return entries


def chosen(setting: str, text: str, known: Iterable[str], file: Path) -> list[str]:
    """The names in a setting, separated by commas. Raises SettingsError for one that is not among the ``known``."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise SettingsError(f"{setting}: {name!r} is not in {file.name}; it has {', '.join(known)}")
    return names


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CatalogueError(f"models.json: {repeated[0]!r} appears twice; keep one")
    return dict(pairs)


def _model(name: str, entry: Any) -> Model:
    if not isinstance(entry, dict):
        raise CatalogueError(f"models.json: {name!r}: must be an object, not {type(entry).__name__}")
    unknown = sorted(set(entry) - ({field.name for field in fields(Model)} - {"name"}))
    if unknown:
        raise CatalogueError(f"models.json: {name!r}: unknown key {unknown[0]!r}; remove it")
    model = Model(
        name=name,
        architecture=_architecture(name, entry.get("architecture")),
        dataset=_dataset(name, entry.get("dataset")),
        emotions=_emotions(name, entry.get("emotions")),
        accuracy=_accuracy(name, entry.get("accuracy")),
        precision=_one_of(name, "precision", entry.get("precision"), PRECISIONS),
        temperature=_temperature(name, entry.get("temperature")),
        preprocessing=_one_of(name, "preprocessing", entry.get("preprocessing"), PREPROCESSINGS),
        face_margin=_face_margin(name, entry.get("face_margin")),
    )
    refuse_unusable_name(name)
    return model


def refuse_unusable_name(name: str) -> None:
    """Raise CatalogueError for a name that TorchServe does not take, even with ``plus`` for ``+``."""
    if not _ARCHIVE_NAME.match(name.replace("+", "plus")):
        raise CatalogueError(
            f"models.json: {name!r}: makes no archive name; use letters, digits, '_', '-', '.' and '+' only"
        )


def _architecture(name: str, value: Any) -> str:
    if value not in ARCHITECTURES:
        raise CatalogueError(
            f"models.json: {name!r}: unknown architecture {value!r}; use one of {', '.join(ARCHITECTURES)}"
        )
    return str(value)


def _dataset(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise CatalogueError(f"models.json: {name!r}: 'dataset' must be a name, not {value!r}")
    return value


def _emotions(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise CatalogueError(f"models.json: {name!r}: no labels; 'emotions' lists them in the order of the outputs")
    for label in value:
        if not isinstance(label, str) or not label:
            raise CatalogueError(f"models.json: {name!r}: the label {label!r} is not a word")
        if value.count(label) > 1:
            raise CatalogueError(f"models.json: {name!r}: the label {label!r} appears twice")
    return tuple(value)


def _accuracy(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise CatalogueError(f"models.json: {name!r}: 'accuracy' must be a percentage, not {value!r}")
    return float(value)


def _face_margin(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= MOST_MARGIN:
        message = f"'face_margin' must be a number from 0 to {MOST_MARGIN}, not {value!r}"
        raise CatalogueError(f"models.json: {name!r}: {message}")
    return float(value)


def _one_of(name: str, key: str, value: Any, choices: tuple[str, ...]) -> str | None:
    if value is not None and value not in choices:
        raise CatalogueError(
            f"models.json: {name!r}: unknown {key} {value!r}; use one of {', '.join(choices)}, or leave it out"
        )
    return None if value is None else str(value)


def _temperature(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
        raise CatalogueError(
            f"models.json: {name!r}: 'temperature' must be a number above 0, not {value!r}; leave it out for the "
            "network's own probabilities"
        )
    return float(value)


def _refuse_shared_archive_names(models: Iterable[Model]) -> None:
    taken: dict[str, str] = {}
    for model in models:
        other = taken.setdefault(model.archive_name, model.name)
        if other != model.name:
            raise CatalogueError(
                f"models.json: {model.name!r} and {other!r} would share the archive {model.archive_file}; rename one"
            )
