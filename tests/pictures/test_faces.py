"""The drawn faces: labelled folders from a seed, and the page's samples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.catalogue import load_catalogue
from scripts.pictures.drawing import EXPRESSIONS, expression_of
from scripts.pictures.people import drawn_face
from scripts.settings import ROOT
from tests.support.commands import run_command
from tests.support.places import SAMPLES

MODELS = load_catalogue(ROOT / "models.json")


def pixels(file: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.int16]]:
    return np.asarray(Image.open(file).convert("RGB")).astype(np.int16)


def draw(folder: Path, *arguments: str) -> dict[str, bytes]:
    """Run the command; returns the content of each file by its name below ``folder``."""
    done = run_command(dict(os.environ), "pictures.faces", "--out", str(folder), *arguments)
    assert done.returncode == 0, done.stderr
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*.png"))}


def test_a_seed_makes_the_same_labelled_faces_again(tmp_path: Path) -> None:
    first = draw(tmp_path / "one", "--images", "9", "--seed", "5", "--dataset", "RAF-DB")
    labels = MODELS["VGG19_RAF-DB"].emotions
    assert sorted(first) == sorted(f"{labels[number % 7]}/5-{number:05}.png" for number in range(9))
    assert draw(tmp_path / "two", "--images", "9", "--seed", "5", "--dataset", "RAF-DB") == first
    both = draw(tmp_path / "one", "--images", "7", "--seed", "6", "--dataset", "RAF-DB")
    assert len(both) == 16
    assert len(set(both.values())) == 16
    assert both.items() >= first.items()


@pytest.mark.parametrize("dataset", sorted({model.dataset for model in MODELS.values()}))
def test_every_label_of_every_dataset_is_drawn(dataset: str) -> None:
    labels = next(model.emotions for model in MODELS.values() if model.dataset == dataset)
    assert len({expression_of(label) for label in labels} - {None}) == 7


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_faces_vary_in_everything_but_the_expression(expression: str) -> None:
    faces = [drawn_face(expression, 3, number) for number in range(20)]
    assert len({face.size for face in faces}) > 1
    means = [np.asarray(face.resize((64, 64))).mean(axis=(0, 1)) for face in faces]
    assert np.ptp(np.array(means), axis=0).min() > 30


def test_an_unknown_dataset_is_refused(tmp_path: Path) -> None:
    done = run_command(dict(os.environ), "pictures.faces", "--out", str(tmp_path), "--dataset", "AffectNet")
    assert done.returncode == 1
    assert "models.json has no dataset 'AffectNet'; use one of FER2013, RAF-DB, CK+48" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_label_that_is_not_drawn_is_named(tmp_path: Path) -> None:
    catalogue = tmp_path / "models.json"
    catalogue.write_text('{"one": {"architecture": "MobileNetV2", "dataset": "x", "emotions": ["calm"]}}')
    environment = {**os.environ, "CATALOGUE": str(catalogue)}
    done = run_command(environment, "pictures.faces", "--out", str(tmp_path / "faces"), "--dataset", "x")
    assert done.returncode == 1
    assert "the label 'calm' is none of the drawn expressions (anger, contempt, " in done.stderr


def test_the_pages_samples_are_what_the_command_draws(tmp_path: Path) -> None:
    done = run_command(dict(os.environ), "pictures.samples", "--folder", str(tmp_path))
    assert done.returncode == 0, done.stderr
    drawn = sorted(file.name for file in tmp_path.iterdir())
    assert drawn == sorted(file.name for file in SAMPLES.iterdir())
    for name in drawn:
        assert np.abs(pixels(tmp_path / name) - pixels(SAMPLES / name)).mean() < 0.5, name
