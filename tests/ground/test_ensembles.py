"""Ensembles of the catalogue: what an entry means, and what is refused with the reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import CatalogueError, load_catalogue
from scripts.ensembles import Ensemble, load_ensembles, load_names, refusal

SEVEN = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
CAPITALS = ["Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"]
CONTEMPT = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]
MODELS = {
    name: {"architecture": "VGG19", "dataset": name, "emotions": emotions}
    for name, emotions in {"A": SEVEN, "B": CAPITALS, "C": CONTEMPT}.items()
}


def write(folder: Path, **entries: Any) -> Path:
    path = folder / "models.json"
    path.write_text(json.dumps({**entries, **MODELS}))
    return path


def test_an_entry_may_say_no_more_than_its_members(tmp_path: Path) -> None:
    path = write(tmp_path, E={"ensemble": ["A", "B"]})
    expected = Ensemble("E", ("A", "B"), (1.0, 1.0), "refuse", tuple(SEVEN), {}, {"ensemble": ["A", "B"]})
    assert load_ensembles(path) == {"E": expected}
    assert [expected.label_of("B", label) for label in CAPITALS] == [
        "surprise", "fear", "disgust", "happy", "sad", "angry", "neutral",
    ]  # fmt: skip


def test_only_models_with_archives_are_in_the_catalogue(tmp_path: Path) -> None:
    path = write(tmp_path, E={"ensemble": ["A", "B"]})
    assert list(load_catalogue(path)) == ["A", "B", "C"]
    assert load_names(path) == {"E": tuple(SEVEN), "A": tuple(SEVEN), "B": tuple(CAPITALS), "C": tuple(CONTEMPT)}
    assert refusal(path, "A") is None
    assert refusal(path, "E") == "E is an ensemble, which has no archive of its own; name its members instead: A, B"


def test_labels_that_differ_may_be_mapped(tmp_path: Path) -> None:
    emotions = ["anger", "disgust", "fear", "joy", "sadness", "surprise"]
    labels_of = {"A": {"neutral": "sadness"}, "C": {"contempt": "disgust"}}
    entry = {"ensemble": ["A", "C"], "emotions": emotions, "labels_of": labels_of, "missing": "answer"}
    ensemble = load_ensembles(write(tmp_path, E=entry))["E"]
    assert (ensemble.emotions, ensemble.missing) == (tuple(emotions), "answer")
    assert [ensemble.label_of("A", label) for label in SEVEN] == [
        "anger", "disgust", "fear", "joy", "sadness", "sadness", "surprise",
    ]  # fmt: skip
    assert ensemble.label_of("C", "contempt") == "disgust"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"ensemble": "A"}, "'ensemble' must be a list of 2 to 16 models, not 'A'"),
        ({"ensemble": ["A"]}, "must be a list of 2 to 16 models"),
        ({"ensemble": ["A", "X"]}, "its member 'X' is no model of models.json with an archive; it may name A, B, C"),
        ({"ensemble": ["A", "E"]}, "its member 'E' is no model"),
        ({"ensemble": ["A", "A"]}, "names its member 'A' twice"),
        ({"ensemble": ["A", "B"], "weights": [1]}, "'weights' must be a list of 2 numbers, one for each member"),
        ({"ensemble": ["A", "B"], "weights": [1, 0]}, "the weight 0 is not a number above 0"),
        ({"ensemble": ["A", "B"], "weights": [1, True]}, "the weight True is not"),
        ({"ensemble": ["A", "B"], "missing": "skip"}, "'missing' must be 'refuse' or 'answer', not 'skip'"),
        ({"ensemble": ["A", "B"], "architecture": "VGG19"}, "unknown key 'architecture' in an ensemble"),
        ({"ensemble": ["A", "B"], "emotions": ["happy", "joy"]}, "labels that mean different emotions"),
        ({"ensemble": ["A", "B"], "emotions": []}, "labels that mean different emotions"),
        (
            {"ensemble": ["A", "C"]},
            "but its member C says 'contempt' and never says 'neutral'; give it labels that mean the same in "
            "'labels_of', or other 'emotions', or leave it out",
        ),
        ({"ensemble": ["A", "B"], "labels_of": []}, "'labels_of' must be an object"),
        ({"ensemble": ["A", "B"], "labels_of": {"C": {}}}, "'labels_of' names 'C', which is none of its members"),
        ({"ensemble": ["A", "B"], "labels_of": {"A": {"sad": 1}}}, "an object with a label for each"),
        ({"ensemble": ["A", "B"], "labels_of": {"A": {"joy": "sad"}}}, "gives 'A' the label 'joy', which it does not"),
    ],
)
def test_an_entry_that_cannot_be_used_is_refused_with_its_name(tmp_path: Path, entry: Any, words: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        load_ensembles(write(tmp_path, E=entry))
    assert str(caught.value).startswith("models.json: 'E': ")
    assert words in str(caught.value)


def test_a_name_is_one_as_for_a_model(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="'a b': makes no archive name"):
        load_ensembles(write(tmp_path, **{"a b": {"ensemble": ["A", "B"]}}))


def test_a_catalogue_of_ensembles_only_has_nothing_to_serve(tmp_path: Path) -> None:
    path = tmp_path / "models.json"
    path.write_text(json.dumps({"E": {"ensemble": ["A", "B"]}}))
    with pytest.raises(CatalogueError, match="has ensembles only; add an entry for each of their members"):
        load_catalogue(path)
