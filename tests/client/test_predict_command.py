"""scripts/predict against the nine stand-ins."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.settings import ROOT
from tests.client.running import CATALOGUE, MODEL, answer_of, predict, run
from tests.support.places import SAMPLES

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


def test_command_draws_a_bar_for_every_label(stack: RunningStack, face: Path) -> None:
    done = predict(stack, face, "--model", MODEL)
    assert done.returncode == 0
    assert f"─ {MODEL} ─" in done.stdout
    answer = answer_of(stack, face, MODEL)
    rows = re.findall(r"│ (\w+) +([█▉▊▋▌▍▎▏ ]*?) +([\d.]+) % │", done.stdout)
    assert [label for label, _, _ in rows] == list(answer["predictions"])
    lengths = [len(bar) for _, bar, _ in rows]
    assert lengths == sorted(lengths, reverse=True)
    assert f"{answer['top_emotion']} {100 * answer['confidence']:.1f} % in " in done.stdout
    assert "they know drawn faces only" in done.stderr


def test_command_asks_all_models_about_several_pictures(stack: RunningStack) -> None:
    pictures = [SAMPLES / "fear.jpg", SAMPLES / "anger.jpg"]
    done = predict(stack, *pictures, "--all", "--json")
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(Path(answer["image"]), answer["model"]) for answer in answers] == [
        (picture, name) for picture in pictures for name in CATALOGUE
    ]
    assert answers[0] == {"image": str(pictures[0]), **answer_of(stack, pictures[0], next(iter(CATALOGUE)))}


def test_command_shows_all_models_of_a_picture_from_standard_input_in_a_table(stack: RunningStack) -> None:
    command = [str(ROOT / "scripts" / "predict"), "-", "--all", "--url", stack.url.removeprefix("http://")]
    with (SAMPLES / "fear.jpg").open("rb") as picture:
        done = subprocess.run(
            command,
            env={**stack.environment, "COLUMNS": "80"},
            stdin=picture,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert (lines[0], lines[1].split()) == ("-", ["FER2013", "RAF-DB", "CK+48"])
    assert [line.split()[0] for line in lines[2:5]] == ["MobileNetV2", "ResNet50", "VGG19"]
    assert all(line.lower().count("fear") == 3 for line in lines[2:5])
    assert lines[5:] == ["9 of 9 say fear."]
    assert max(map(len, lines)) <= 80


def test_command_goes_on_after_a_picture_that_fails(stack: RunningStack, face: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    pictures = (tmp_path / "missing.jpg", tmp_path, face)
    done = predict(stack, *pictures)
    assert done.returncode == 1
    assert "missing.jpg: cannot be read (No such file or directory); check the name" in done.stderr
    assert "broken.jpg: " in done.stderr
    assert "3 pictures, 1 answer in " in done.stderr
    assert done.stderr.endswith(" s: happiness 1, 2 failed\n")
    answer = answer_of(stack, face, next(iter(CATALOGUE)))
    shown = [f"{100 * answer['confidence']:.1f}", "%", answer["top_emotion"], str(face)]
    assert [line.split() for line in done.stdout.splitlines()] == [shown]
    lines = list(csv.DictReader(predict(stack, *pictures, "--csv").stdout.splitlines()))
    assert [line["image"] for line in lines] == [str(pictures[0]), str(broken), str(face)]
    assert [bool(line["error"]) for line in lines] == [True, True, False]
    assert float(lines[2]["happiness"]) == answer["predictions"]["happy"]
    records = [json.loads(line) for line in predict(stack, *pictures, "--json").stdout.splitlines()]
    assert [record["success"] for record in records] == [False, False, True]
    assert (records[1]["status"], records[1]["error"].partition(": ")[0]) == (415, str(broken))


def test_command_says_how_to_start_a_service_that_is_not_there(face: Path) -> None:
    done = run([str(ROOT / "scripts" / "predict"), str(face), "--url", "http://127.0.0.1:9"])
    assert done.returncode == 4
    assert done.stderr == "Nothing answers at http://127.0.0.1:9; start the service with 'make start'\n"
