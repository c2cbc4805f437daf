"""The catalogue, and what is refused in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.settings import ROOT

MARGINS = {"FER2013": 0.15, "RAF-DB": 0.25, "CK+48": 0.15}
LABELS = {
    "FER2013": ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"),
    "RAF-DB": ("Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"),
    "CK+48": ("anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"),
}
ACCURACIES = {
    "MobileNetV2": (55.68, 73.57, 97.98),
    "ResNet50": (56.60, 76.27, 98.99),
    "VGG19": (58.75, 80.28, 98.99),
}
ENTRY = {"architecture": "VGG19", "dataset": "FER2013", "emotions": ["sad", "happy"], "accuracy": 50}


def write(folder: Path, content: Any) -> Path:
    path = folder / "models.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_byte_order_mark_before_the_text_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(json.dumps({"A": ENTRY}), encoding="utf-8-sig")
    assert list(load_catalogue(path)) == ["A"]


def test_the_catalogue_lists_the_nine_models_with_their_labels_in_the_order_of_the_outputs() -> None:
    expected = {
        f"{architecture}_{dataset}": Model(
            f"{architecture}_{dataset}", architecture, dataset, labels, accuracy, face_margin=MARGINS[dataset]
        )
        for architecture, accuracies in ACCURACIES.items()
        for (dataset, labels), accuracy in zip(LABELS.items(), accuracies, strict=True)
    }
    assert load_catalogue(ROOT / "models.json") == expected


def test_a_plus_in_a_name_is_spelt_out_in_the_archive_and_kept_in_the_checkpoint(tmp_path: Path) -> None:
    model = load_catalogue(write(tmp_path, {"VGG19_CK+48": ENTRY}))["VGG19_CK+48"]
    assert model.archive_name == "VGG19_CKplus48"
    assert model.archive_file == "VGG19_CKplus48.mar"
    assert model.checkpoint_file == "VGG19_CK+48_best.pt"


def test_the_accuracy_may_be_left_out(tmp_path: Path) -> None:
    entry = {key: value for key, value in ENTRY.items() if key != "accuracy"}
    assert load_catalogue(write(tmp_path, {"new": entry}))["new"].accuracy is None


def test_a_temperature_changes_nothing_of_what_an_archive_is_made_for(tmp_path: Path) -> None:
    models = load_catalogue(write(tmp_path, {"own": ENTRY, "cooled": {**ENTRY, "temperature": 2}}))
    assert models["cooled"].temperature == 2
    assert {**models["cooled"].entry, "name": "own"} == models["own"].entry


@pytest.mark.parametrize("accuracy", [0, 0.5, 100])
def test_an_accuracy_is_a_percentage(tmp_path: Path, accuracy: float) -> None:
    assert load_catalogue(write(tmp_path, {"new": {**ENTRY, "accuracy": accuracy}}))["new"].accuracy == accuracy


def test_a_model_is_the_same_after_a_way_through_json() -> None:
    model = Model("a", "VGG19", "b", ("x", "y"), 50.0, "int8", 1.5, "fast", 0.3)
    assert Model.from_json(json.loads(json.dumps(model.to_json()))) == model


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "{",
            "models.json: not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        ),
        ("{}", "models.json: must be an object with one entry per model"),
        ([], "models.json: must be an object with one entry per model"),
        ({"new": []}, "models.json: 'new': must be an object, not list"),
        ('{"new": {}, "new": {}}', "models.json: 'new' appears twice; keep one"),
        (
            {"new": {**ENTRY, "architecture": "VGG16"}},
            "models.json: 'new': unknown architecture 'VGG16'; use one of MobileNetV2, ResNet50, VGG19",
        ),
        ({"new": {**ENTRY, "emotion": []}}, "models.json: 'new': unknown key 'emotion'; remove it"),
        ({"new": {**ENTRY, "dataset": ""}}, "models.json: 'new': 'dataset' must be a name, not ''"),
        (
            {"new": {**ENTRY, "emotions": []}},
            "models.json: 'new': no labels; 'emotions' lists them in the order of the outputs",
        ),
        ({"new": {**ENTRY, "emotions": ["sad", 1]}}, "models.json: 'new': the label 1 is not a word"),
        ({"new": {**ENTRY, "emotions": ["sad", "sad"]}}, "models.json: 'new': the label 'sad' appears twice"),
        ({"new": {**ENTRY, "accuracy": -1}}, "models.json: 'new': 'accuracy' must be a percentage, not -1"),
        ({"new": {**ENTRY, "accuracy": True}}, "models.json: 'new': 'accuracy' must be a percentage, not True"),
        ({"new": {**ENTRY, "accuracy": "50"}}, "models.json: 'new': 'accuracy' must be a percentage, not '50'"),
        ({"new": {**ENTRY, "accuracy": 101}}, "models.json: 'new': 'accuracy' must be a percentage, not 101"),
        (
            {"new": {**ENTRY, "preprocessing": "quick"}},
            "models.json: 'new': unknown preprocessing 'quick'; use one of exact, fast, or leave it out",
        ),
        (
            {"new": {**ENTRY, "precision": "fp16"}},
            "models.json: 'new': unknown precision 'fp16'; use one of f32, bf16, int8, or leave it out",
        ),
        *(
            (
                f'{{"new": {{"architecture": "VGG19", "dataset": "d", "emotions": ["a"], "temperature": {text}}}}}',
                f"models.json: 'new': 'temperature' must be a number above 0, not {shown}; leave it out for the "
                "network's own probabilities",
            )
            for text, shown in (("0", "0"), ("-1", "-1"), ("NaN", "nan"), ("1e999", "inf"), ("true", "True"))
        ),
        ({"new": {**ENTRY, "name": "old"}}, "models.json: 'new': unknown key 'name'; remove it"),
        (
            {"new": {**ENTRY, "face_margin": 1.5}},
            "models.json: 'new': 'face_margin' must be a number from 0 to 1.0, not 1.5",
        ),
        (
            {"a new one": ENTRY},
            "models.json: 'a new one': makes no archive name; use letters, digits, '_', '-', '.' and '+' only",
        ),
        (
            {"a+b": ENTRY, "aplusb": ENTRY},
            "models.json: 'aplusb' and 'a+b' would share the archive aplusb.mar; rename one",
        ),
    ],
)
def test_a_malformed_catalogue_is_refused_with_the_entry_named(tmp_path: Path, content: Any, message: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_catalogue(write(tmp_path, content))
    assert str(caught.value) == message


def test_a_missing_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"^models.json: cannot be read \(No such file or directory\)"):
        load_catalogue(tmp_path / "models.json")
