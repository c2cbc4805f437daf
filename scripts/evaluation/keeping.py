"""Keep the figures of a model beside its archive, for the proxy, the model card, and whoever gets the archive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts import ensembles
from scripts.catalogue import Model
from scripts.evaluation import EvaluationError
from scripts.files import cannot_write, write_text
from scripts.settings import Settings
from scripts.torchserve.management import Management, ManagementError

_NETWORK = ("checkpoint_sha256", "precision", "version")
_NETWORK_IF_SET = ("temperature", "preprocessing")
# Nothing that names a picture, and nothing of this run alone.
_HEADLINE = ("accuracy", "macro_f1", "mean_recall")
_KEPT = (
    "format",
    "made",
    "model",
    "data",
    *_HEADLINE,
    "never_predicted",
    "classes",
    "confusion",
    "calibration",
    "claim",
)


def evaluation_file(store: Path, model: Model) -> Path:
    """Where the figures of a model are kept."""
    return store / f"{model.archive_name}.evaluation.json"


def read_kept(store: Path, model: Model) -> dict[str, Any] | None:
    """The figures kept of a model; None when there are none. Raises EvaluationError for a damaged file."""
    path = evaluation_file(store, model)
    try:
        kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}); delete it and evaluate again") from error
    return kept


def keep(settings: Settings, catalogue: Mapping[str, Model], result: dict[str, Any]) -> Path:
    """Write the figures, with what tells the network that serves; returns the file.

    Raises EvaluationError when that cannot be found out, since the figures would then be nobody's.
    """
    name = result["model"]["name"]
    if refusal := ensembles.refusal(settings.catalogue, name):
        raise EvaluationError(f"--keep: {refusal}")
    if name not in catalogue:
        raise EvaluationError(f"--keep: {settings.catalogue.name} has no {name!r}; keep figures where the service runs")
    path = evaluation_file(settings.model_store, catalogue[name])
    kept = {
        "network": _network(settings, catalogue[name], result["model"]["version"]),
        "measured": _measured(result),
        "evaluation": {key: result[key] for key in _KEPT},
        "warnings": [warning["about"] for warning in result["warnings"]],
    }
    try:
        write_text(path, json.dumps(kept, indent=2, ensure_ascii=False) + "\n")
    except OSError as error:
        raise EvaluationError(cannot_write(error, path)) from error
    return path


def _measured(result: Mapping[str, Any]) -> dict[str, Any]:
    """What the proxy shows: percent, and of which pictures."""
    figures = {key: round(100 * result[key]["value"], 2) for key in _HEADLINE}
    return {
        **figures,
        "pictures": result["pictures"]["answered"],
        "data": result["data"]["name"],
        "made": result["made"],
    }


def _network(settings: Settings, model: Model, version: str | None) -> dict[str, Any]:
    """What the archive says of itself that TorchServe serves as ``version``."""
    try:
        states = Management(settings).describe(model.archive_name)
    except ManagementError as error:
        raise EvaluationError(f"--keep: {error}; run it where the service runs, with its settings") from error
    folders = [state.archive_file for state in states if state.version == version]
    try:
        described = json.loads((Path(folders[0]) / "model.json").read_text(encoding="utf-8"))
        return {
            **{key: described[key] for key in _NETWORK},
            **{key: described[key] for key in _NETWORK_IF_SET if key in described},
        }
    except (IndexError, OSError, ValueError, KeyError) as error:
        raise EvaluationError(
            f"--keep: version {version} of {model.name} does not say what it was made from; register its archive again"
        ) from error
