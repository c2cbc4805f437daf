"""Evaluate one model or all of them, write the reports, and tell the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.errors import REFUSED
from scripts.evaluation import matrix
from scripts.evaluation.catalogue_file import set_number
from scripts.evaluation.claim import claim_of
from scripts.evaluation.evaluate import Evaluator
from scripts.evaluation.keeping import keep
from scripts.evaluation.page import matrix_page, report_page
from scripts.evaluation.summary import show, show_matrix
from scripts.files import write_text
from scripts.settings import Settings


@dataclass(frozen=True)
class Reports:
    """Makes the reports of evaluations.

    Figures are kept for the stack of ``keep_for``; ``catalogue_file`` gets what was fitted.
    """

    evaluator: Evaluator
    catalogue: Mapping[str, Model]
    keep_for: Settings | None = None
    catalogue_file: Path | None = None

    def one(self, name: str, data: Path) -> int:
        """Evaluate one model; returns 0, or 1 when it falls short of its claim."""
        entry = self.evaluator.new_service().models().get(name, {})
        return REFUSED if _short(self._evaluated(name, data, entry)) else 0

    def every(self, data: Path) -> int:
        """Evaluate each model of the service that has pictures; returns 0, or 1 when one falls short of its claim."""
        entries = self.evaluator.new_service().models()
        folders = matrix.folders(data, entries)
        results = [self._evaluated(name, folder, entries[name]) for name, folder in folders.items()]
        table = matrix.table(results, entries)
        path = self.evaluator.folder / "all"
        _write(path, table, matrix_page(table))
        show_matrix(matrix.rows(table), path, self.evaluator.console)
        return REFUSED if any(_short(result) for result in results) else 0

    def _evaluated(self, name: str, data: Path, entry: Mapping[str, Any]) -> dict[str, Any]:
        margin = self.catalogue[name].face_margin if name in self.catalogue else None
        result = self.evaluator.evaluate(name, data, claim_of(name, self.catalogue, entry), margin)
        path = self.evaluator.folder / name
        _write(path, result, report_page(result, data, self.evaluator.folder / "matplotlib"))
        show(result, path, self.evaluator.console)
        if self.keep_for:
            kept = keep(self.keep_for, self.catalogue, result)
            self.evaluator.console.print(f"Kept: {kept}", soft_wrap=True)
        for key, value in (("temperature", "temperature"), ("face_margin", "margin")):
            if self.catalogue_file and result[key]:
                self._write_fitted(name, key, result[key][value], self.catalogue_file, helps=result[key]["helps"])
        return result

    def _write_fitted(self, name: str, key: str, value: float, file: Path, *, helps: bool) -> None:
        said = f"Not written: {key} {value:g} is no better on the held-out pictures."
        if helps:
            set_number(file, name, key, value)
            said = f"Written to {file.name}; `make archives MODEL={name}` packs it, `scripts/models upgrade` serves it."
        self.evaluator.console.print(said, markup=False, soft_wrap=True)


def _write(path: Path, figures: dict[str, Any], page: str) -> None:
    """Write ``path`` with the suffixes .json and .html."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path.with_name(f"{path.name}.json"), json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    write_text(path.with_name(f"{path.name}.html"), page)


def _short(result: Mapping[str, Any]) -> bool:
    return bool(result["claim"]) and not result["claim"]["reached"]
