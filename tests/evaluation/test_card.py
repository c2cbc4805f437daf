"""The model card and the figures it is made from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import load_catalogue
from scripts.evaluation import EvaluationError
from scripts.evaluation.card import card
from scripts.evaluation.keeping import evaluation_file, keep, read_kept
from scripts.settings import ROOT, load_settings

CATALOGUE = load_catalogue(ROOT / "models.json")
MODEL = CATALOGUE["VGG19_CK+48"]
SHARE = {"value": 0.5, "low": 0.4, "high": 0.6}


def figures(**changes: Any) -> dict[str, Any]:
    """What an evaluation kept."""
    classes = [{"label": "anger", "recall": {"value": 0.25}}, {"label": "fear", "recall": None}]
    evaluation = {
        "model": {"name": MODEL.name, "stand_in": False},
        "data": {"name": "CK+48"},
        "made": "2026-11-27T13:30:46+00:00",
        "never_predicted": ["contempt"],
        "classes": [*classes, {"label": "happy", "recall": {"value": 0.5}}],
        **dict.fromkeys(("accuracy", "macro_f1", "mean_recall"), SHARE),
        **changes,
    }
    return {"measured": {"pictures": 1234}, "evaluation": evaluation}


def test_the_page_is_that_of_the_catalogue_without_figures() -> None:
    page = (ROOT / "docs" / "model-card.md").read_text()
    assert page == card(CATALOGUE, dict.fromkeys(CATALOGUE)), "make it again: python -m scripts.evaluation.card"


def test_the_figures_of_an_evaluation_are_in_the_card() -> None:
    text = card(CATALOGUE, {MODEL.name: figures()})
    share = "50.0 % (40.0 to 60.0)"
    row = f"| VGG19_CK+48 | 98.99 % | {share} | {share} | {share} | contempt | 1,234 pictures of CK+48, 2026-11-27 |"
    assert row in text
    assert "- VGG19_CK+48 finds less than half of the pictures of anger (25.0 %).\n" in text
    assert text.count("not measured |") == 8


def test_a_stand_ins_figures_are_marked() -> None:
    text = card(CATALOGUE, {MODEL.name: figures(model={"name": MODEL.name, "stand_in": True})})
    assert "2026-11-27, a stand-in |" in text


def test_kept_figures_are_read_and_damaged_ones_refused(tmp_path: Path) -> None:
    assert read_kept(tmp_path, MODEL) is None
    evaluation_file(tmp_path, MODEL).write_text(json.dumps(figures()))
    assert read_kept(tmp_path, MODEL) == figures()
    evaluation_file(tmp_path, MODEL).write_text("{")
    with pytest.raises(EvaluationError, match="delete it and evaluate again"):
        read_kept(tmp_path, MODEL)


def test_figures_are_not_kept_where_the_service_does_not_run(tmp_path: Path) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path), "MODEL_STORE": str(tmp_path), "HOME": ""})
    result = {"model": {"name": MODEL.name, "version": "1.0"}}
    with pytest.raises(EvaluationError, match="run it where the service runs, with its settings"):
        keep(settings, CATALOGUE, result)
    with pytest.raises(EvaluationError, match=r"models\.json has no 'New'"):
        keep(settings, CATALOGUE, {"model": {"name": "New", "version": "1.0"}})
