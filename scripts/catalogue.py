"""The catalogue ``models.json``: the only list of models."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scripts.environment import SettingsError
from scripts.errors import UserError
from scripts.precision import PRECISIONS


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

# Three times as wide as the face: what is around it beyond that tells nothing of it.
MOST_MARGIN = 1.0

# torch-model-archiver 0.12 (model_packaging_utils.py) accepts no other model names.
_ARCHIVE_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_\-.]*$")


class CatalogueError(UserError):
    """``models.json`` cannot be used; the message names the entry and the remedy."""


@dataclass(frozen=True)
class Model:
    """One classifier of the catalogue.

    ``emotions`` are the labels in the order of the network's outputs; ``accuracy`` is in percent; ``precision`` is what
    its archive must compute in, None for whatever the build is told. ``face_margin`` is how much of a face's side the
    pictures that it was trained on show around the face, on each side (docs/faces.md); None for the handler's default.
    """

    name: str
    architecture: str
    dataset: str
    emotions: tuple[str, ...]
    accuracy: float | None = None
    precision: str | None = None
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
        """What an archive is made for: all fields but the precision, which may be another one than the entry's."""
        return {name: value for name, value in self.to_json().items() if name != "precision"}

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

    Returns the models by name, in the file's order. Raises CatalogueError for a file that is missing, is not
    JSON, or has an entry that could not be built or served.
    """
    try:
        # utf-8-sig: some editors put a byte order mark before the text.
        entries = json.loads(path.read_text(encoding="utf-8-sig"), object_pairs_hook=_without_duplicates)
    except OSError as error:
        raise CatalogueError(f"{path.name}: cannot be read ({error.strerror}); restore it from git") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path.name}: not valid JSON: {error}") from error
    if not isinstance(entries, dict) or not entries:
        raise CatalogueError(f"{path.name}: must be an object with one entry per model")
    models = {name: _model(name, entry) for name, entry in entries.items()}
    _refuse_shared_archive_names(models.values())
    return models


def named_models(setting: str, text: str, catalogue: Mapping[str, Model], file: Path) -> list[Model]:
    """The models that a setting names, separated by commas. Raises SettingsError for one not in the catalogue."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in catalogue:
            raise SettingsError(f"{setting}: {name!r} is not in {file.name}; it has {', '.join(catalogue)}")
    return [catalogue[name] for name in names]


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise CatalogueError(f"models.json: {repeated[0]!r} appears twice; keep one")
    return dict(pairs)


def _model(name: str, entry: Any) -> Model:
    if not isinstance(entry, dict):
        raise CatalogueError(f"models.json: {name!r}: must be an object, not {type(entry).__name__}")
    unknown = sorted(set(entry) - {"architecture", "dataset", "emotions", "accuracy", "precision", "face_margin"})
    if unknown:
        raise CatalogueError(f"models.json: {name!r}: unknown key {unknown[0]!r}; remove it")
    model = Model(
        name=name,
        architecture=_architecture(name, entry.get("architecture")),
        dataset=_dataset(name, entry.get("dataset")),
        emotions=_emotions(name, entry.get("emotions")),
        accuracy=_accuracy(name, entry.get("accuracy")),
        precision=_precision(name, entry.get("precision")),
        face_margin=_face_margin(name, entry.get("face_margin")),
    )
    if not _ARCHIVE_NAME.match(model.archive_name):
        raise CatalogueError(
            f"models.json: {name!r}: makes no archive name; use letters, digits, '_', '-', '.' and '+' only"
        )
    return model


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


def _precision(name: str, value: Any) -> str | None:
    if value is not None and value not in PRECISIONS:
        raise CatalogueError(
            f"models.json: {name!r}: unknown precision {value!r}; use one of {', '.join(PRECISIONS)}, or leave it out"
        )
    return None if value is None else str(value)


def _refuse_shared_archive_names(models: Iterable[Model]) -> None:
    taken: dict[str, str] = {}
    for model in models:
        other = taken.setdefault(model.archive_name, model.name)
        if other != model.name:
            raise CatalogueError(
                f"models.json: {model.name!r} and {other!r} would share the archive {model.archive_file}; rename one"
            )
