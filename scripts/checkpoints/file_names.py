"""Which model of the catalogue a file's name speaks of, however it is spelt; needs no torch."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from urllib.parse import unquote

from scripts.catalogue import ARCHITECTURES, Model

# "ResNet50" is made of Res, Net and 50, "CK+48" of CK, + and 48.
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|\+")
_GAP = r"[^a-z0-9+]*"


def models_named(text: str, models: Iterable[Model]) -> list[Model]:
    """The models that a path speaks of: by their names, or else by architecture and dataset, or else by dataset.

    Upper and lower case, spaces, ``_``, ``-`` and ``%2B`` make no difference, nor ``plus`` or nothing for a ``+``. A
    model is left out whose name is part of another's that is found too. Where another dataset is named besides, as of a
    network that was trained on one and then on another, the models of both are meant.
    """
    models, text = list(models), _plain(text)
    found = [model for model in models if _says(text, model.name)]
    found = [model for model in found if not any(model.name in other.name != model.name for other in found)]
    if found:
        return [model for model in models if model in found or _says_dataset_besides(text, model, found)]
    of_dataset = [model for model in models if _says_dataset(text, model.dataset)]
    both = [model for model in of_dataset if _says_architecture(text, model.architecture)]
    if both or any(_says_architecture(text, architecture) for architecture in ARCHITECTURES):
        return both
    return of_dataset


def _plain(text: str) -> str:
    return unicodedata.normalize("NFKC", unquote(unquote(text))).lower()


def _says(text: str, words: str) -> bool:
    parts = _PARTS.findall(words)
    return bool(parts) and re.search(_pattern(parts), text) is not None


def _pattern(parts: list[str]) -> str:
    """The parts in their order, and behind them no more digits and no plus, which would make another name."""
    pattern = ""
    for number, part in enumerate(parts):
        plus = r"(\+|plus)" + ("?" if number < len(parts) - 1 else "")  # at the end it makes the difference
        pattern += (plus if part == "+" else re.escape(part.lower())) + _GAP
    before = r"(?<![a-z])" if parts[0][0].isalpha() else r"(?<!\d)"
    after = r"(?!\d)" if parts[-1].isdigit() else r"(?![a-z])" if parts[-1] != "+" else ""
    return before + pattern.removesuffix(_GAP) + after + r"(?!\+|[_ -]?plus)"


def _says_architecture(text: str, architecture: str) -> bool:
    return _says(text, architecture) or _says(text, ARCHITECTURES[architecture].torchvision_name)


def _says_dataset_besides(text: str, model: Model, found: list[Model]) -> bool:
    """Whether the text, without the names that were found, has another dataset of a network that was found."""
    for other in found:
        text = re.sub(_pattern(_PARTS.findall(other.name)), " ", text)
    kin = [other.dataset for other in found if other.architecture == model.architecture]
    return bool(kin) and model.dataset not in kin and _says_dataset(text, model.dataset)


def _says_dataset(text: str, dataset: str) -> bool:
    """Whether the text has the dataset's name, or what it begins with: ``fer``, ``raf``, ``ck`` or ``ck+``."""
    if _says(text, dataset):
        return True
    parts = _PARTS.findall(dataset)
    first = parts[:2] if parts[1:2] == ["+"] else parts[:1]
    forms = [first, parts[:1]] if len(parts) > 1 and parts[0].isalpha() else []
    return any(re.search(_pattern(form) + r"(?![a-z0-9])", text) for form in forms)
