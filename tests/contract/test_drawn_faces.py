"""The stand-ins name the project's drawn faces, from the file to the served answer: the first thing anyone sees."""

from __future__ import annotations

import io
import json
import re
import shlex

import pytest

from scripts.catalogue import load_catalogue
from scripts.pictures.drawing import expression_of
from scripts.pictures.faces import HELD_OUT_SEED
from scripts.pictures.people import drawn_face
from scripts.settings import ROOT
from tests.support.client import Client
from tests.support.models import EACH
from tests.support.places import SAMPLES

MODELS = load_catalogue(ROOT / "models.json")
FACES = 21  # more are counted by `python -m scripts.checkpoints fit-stand-ins --epochs 0`
FIRST = 1000  # behind those


def drawing(label: str, number: int) -> bytes:
    """A held-out face that shows a label, as a JPEG file."""
    file = io.BytesIO()
    drawn_face(str(expression_of(label)), HELD_OUT_SEED, number).save(file, "JPEG", quality=80)
    return file.getvalue()


@pytest.mark.parametrize("name", EACH)
def test_nine_of_ten_held_out_faces_are_named_rightly(client: Client, name: str) -> None:
    """Stand-ins of one architecture know faces by one network; of its last layer each takes the rows of its labels."""
    labels = MODELS[name].emotions
    wanted = [labels[number % len(labels)] for number in range(FACES)]
    answers = [
        client.predict(drawing(label, FIRST + number), name).json()["top_emotion"]
        for number, label in enumerate(wanted)
    ]
    right = sum(answer == label for answer, label in zip(answers, wanted, strict=True))
    assert right >= 0.9 * FACES, list(zip(wanted, answers, strict=True))


@pytest.mark.parametrize("name", MODELS)
def test_the_pages_samples_are_named_rightly(client: Client, name: str) -> None:
    known = {expression_of(label): label for label in MODELS[name].emotions}
    for sample in SAMPLES.iterdir():
        if sample.stem in known:
            answer = client.predict(sample.read_bytes(), name).json()
            assert answer["top_emotion"] == known[sample.stem], (sample.name, answer)


@pytest.mark.parametrize("page", ["README.md", "docs/api.md"])
def test_the_answer_that_is_printed_is_the_answer_that_is_given(client: Client, page: str) -> None:
    text = (ROOT / page).read_text()
    printed = json.loads("".join(re.findall(r'\{"success":true,"model".*?\n.*?\n"version".*?\}\n', text, re.DOTALL)[0]))
    command = shlex.split(next(line for line in text.splitlines() if "curl" in line and "/predict" in line))
    form = dict(word.split("=", 1) for word in command if word.startswith(("file=", "model=")))
    given = client.predict((ROOT / form["file"].removeprefix("@")).read_bytes(), form["model"]).json()
    assert given["predictions"] == pytest.approx(printed["predictions"], abs=0.01)
    assert given["top_emotion"] == printed["top_emotion"] == "happy"
