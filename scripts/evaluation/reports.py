"""Evaluate one model or all of them, write the reports, and tell the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.errors import REFUSED
from scripts.evaluation import matrix
from scripts.evaluation.claim import claim_of
from scripts.evaluation.evaluate import Evaluator
from scripts.evaluation.page import matrix_page, report_page
from scripts.evaluation.summary import show, show_matrix
from scripts.files import write_text


def evaluate_one(evaluator: Evaluator, name: str, data: Path, catalogue: Mapping[str, Model]) -> int:
    """Evaluate one model; returns 0, or 1 when it falls short of its claim."""
    entry = evaluator.new_service().models().get(name, {})
    result = _evaluated(evaluator, name, data, catalogue, entry)
    return REFUSED if _short(result) else 0


def evaluate_all(evaluator: Evaluator, data: Path, catalogue: Mapping[str, Model]) -> int:
    """Evaluate each model of the service that has pictures; returns 0, or 1 when one falls short of its claim."""
    entries = evaluator.new_service().models()
    results = [
        _evaluated(evaluator, name, folder, catalogue, entries[name])
        for name, folder in matrix.folders(data, entries).items()
    ]
    table = matrix.table(results, entries)
    path = evaluator.folder / "all"
    _write(path, table, matrix_page(table))
    show_matrix(matrix.rows(table), path, evaluator.console)
    return REFUSED if any(_short(result) for result in results) else 0


def _evaluated(
    evaluator: Evaluator, name: str, data: Path, catalogue: Mapping[str, Model], entry: Mapping[str, Any]
) -> dict[str, Any]:
    result = evaluator.evaluate(name, data, claim_of(name, catalogue, entry))
    path = evaluator.folder / name
    _write(path, result, report_page(result, data, evaluator.folder / "matplotlib"))
    show(result, path, evaluator.console)
    return result


def _write(path: Path, figures: dict[str, Any], page: str) -> None:
    """Write ``path`` with the suffixes .json and .html."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path.with_name(f"{path.name}.json"), json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    write_text(path.with_name(f"{path.name}.html"), page)


def _short(result: Mapping[str, Any]) -> bool:
    return bool(result["claim"]) and not result["claim"]["reached"]
