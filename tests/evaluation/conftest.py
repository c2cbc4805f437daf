"""Answers and folders of pictures, made up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.evaluation.metrics import Answers
from scripts.pictures.faces import write_faces
from scripts.probes import seeded_image
from scripts.settings import ROOT

LABELS = ("angry", "disgust", "fear", "happy", "neutral", "sad", "surprise")

MakeAnswers = Callable[..., Answers]


@pytest.fixture
def drawn_faces(tmp_path: Path) -> Path:
    """A folder of 140 labelled drawings."""
    write_faces(tmp_path / "faces", LABELS, 140, seed=4)
    return tmp_path / "faces"


@pytest.fixture
def catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of models.json, which the commands of a test read and may change."""
    copy = Path(shutil.copy(ROOT / "models.json", tmp_path / "models.json"))
    monkeypatch.setenv("CATALOGUE", str(copy))
    return copy


def answers_of(
    truth: Sequence[int],
    predicted: Sequence[int],
    *,
    confidence: float | Sequence[float] = 0.9,
    labels: Sequence[str] = LABELS,
) -> Answers:
    """Answers with these true and predicted labels, by their places; what is left of 1 goes to the other labels."""
    sure = np.broadcast_to(np.asarray(confidence, float), (len(truth),))
    probabilities = np.repeat((1 - sure)[:, None] / (len(labels) - 1), len(labels), axis=1)
    probabilities[np.arange(len(truth)), list(predicted)] = sure
    return Answers(tuple(labels), np.array(truth, dtype=np.int64), probabilities)


def save_picture(path: Path, seed: int, size: tuple[int, int] = (48, 48)) -> Path:
    """Write a seeded picture; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seeded_image(seed, size).save(path)
    return path


@pytest.fixture
def picture(tmp_path: Path) -> Image.Image:
    return seeded_image(3, (96, 96))
