"""All models: which folder each is evaluated on, and the table of architectures by datasets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from scripts.evaluation import EvaluationError
from scripts.evaluation.folder import has_labels
from scripts.evaluation.wording import estimate

_TESTS = ("", "test", "Test", "DATASET/test", "val", "validation")  # where a dataset's folder has its labels


def folders(data: Path, entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Path]:
    """The folder of pictures for each model by its name.

    ``data`` either holds a folder for each dataset, as ``DATA/FER2013/{label}`` or ``DATA/FER2013/test/{label}``, or
    labels, which all models are asked about. Datasets without a folder are left out. Raises EvaluationError when there
    is none.
    """
    if has_labels(data):
        return dict.fromkeys(entries, data)
    datasets = {str(entry["dataset"]) for entry in entries.values()}
    found = {dataset: folder for dataset in datasets if (folder := _labelled(data / dataset))}
    if not found:
        wanted = ", ".join(f"{name}/" for name in sorted(datasets))
        raise EvaluationError(f"{data}: has no folder of a dataset; give one with {wanted} in it")
    return {name: found[entry["dataset"]] for name, entry in entries.items() if entry["dataset"] in found}


def table(results: Iterable[dict[str, Any]], entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Accuracy, macro-F1 and claim of each architecture (rows) for each dataset (columns)."""
    by_name = {result["model"]["name"]: result for result in results}
    cells = {(_row(name, entry), entry["dataset"]): name for name, entry in entries.items()}
    return {
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "datasets": list(dict.fromkeys(entry["dataset"] for entry in entries.values())),
        "architectures": list(dict.fromkeys(_row(name, entry) for name, entry in entries.items())),
        "cells": [
            {"architecture": architecture, "dataset": dataset, "model": name, **_cell(by_name.get(name))}
            for (architecture, dataset), name in cells.items()
        ],
    }


def _row(name: str, entry: Mapping[str, Any]) -> str:
    """Where a model is in the table: ensembles have rows of their own."""
    return name if "ensemble" in entry else str(entry["architecture"])


def rows(table: Mapping[str, Any]) -> list[list[str]]:
    """The table as text, its headings first."""
    texts = {(cell["architecture"], cell["dataset"]): _text(cell) for cell in table["cells"]}
    lines = [["accuracy", *table["datasets"]]]
    for architecture in table["architectures"]:
        lines.append([architecture, *(texts.get((architecture, dataset), "–") for dataset in table["datasets"])])
    return lines


def _labelled(folder: Path) -> Path | None:
    return next((folder / below for below in _TESTS if has_labels(folder / below)), None)


def _cell(result: dict[str, Any] | None) -> dict[str, Any]:
    if result is None:
        return {"evaluated": False}
    kept = {key: result[key] for key in ("accuracy", "macro_f1", "mean_recall", "never_predicted", "claim")}
    return {
        "evaluated": True,
        "stand_in": result["model"]["stand_in"],
        "data": result["data"],
        "pictures": result["pictures"]["answered"],
        **kept,
    }


def _text(cell: dict[str, Any]) -> str:
    if not cell["evaluated"]:
        return "–"
    claim = cell["claim"]
    if cell["stand_in"]:
        return f"{estimate(cell['accuracy'])} [stand-in]"
    short = ", short" if claim and not claim["reached"] else ""
    claimed = f" [claim {claim['accuracy']:.2f}{short}]" if claim else ""
    return estimate(cell["accuracy"]) + claimed
