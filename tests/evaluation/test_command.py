"""scripts/evaluate on drawn faces and the nine models, as people run it."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shutil
import signal
import subprocess
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from scripts.catalogue import load_catalogue
from scripts.evaluation.__main__ import main
from scripts.labels import emotion
from scripts.pictures.faces import write_faces
from scripts.settings import ROOT
from tests.support.models import OTHER
from tests.support.polling import poll

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

CATALOGUE = load_catalogue(ROOT / "models.json")
LABELS = CATALOGUE[OTHER].emotions
SECOND = "MobileNetV2_RAF-DB"

Answers = dict[Path, dict[str, float]]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten drawings of each label, and a file that is none."""
    folder = tmp_path_factory.mktemp("faces")
    write_faces(folder, LABELS, 70, seed=2)
    (folder / "happy" / "broken.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def answers(stack: RunningStack, faces: Path) -> Answers:
    """What the service says to each drawing."""
    return {path: ask(stack, path, OTHER) for path in sorted(faces.rglob("*.png"))}


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the reports of all these tests go."""
    return tmp_path_factory.mktemp("evaluation")


def ask(stack: RunningStack, path: Path, model: str) -> dict[str, float]:
    with path.open("rb") as file:
        reply = requests.post(f"{stack.url}/api/v1/predict", files={"file": file}, data={"model": model}, timeout=60)
    predictions: dict[str, float] = reply.json()["predictions"]
    return predictions


def evaluate(stack: RunningStack, output: Path, data: Path, *arguments: str) -> int:
    return main([str(data), "--url", stack.url, "--output", str(output), *arguments])


def figures(output: Path, name: str = OTHER) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / f"{name}.json").read_text())
    return found


def sorted_by_answer(folder: Path, answers: Answers, names: dict[str, str]) -> Path:
    """The drawings in folders of what the model says to them, under other names."""
    for path, probabilities in answers.items():
        target = folder / names[next(iter(probabilities))]
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def printed(stack: RunningStack, faces: Path, answers: Answers, output: Path) -> str:
    """What the command prints about the drawings."""
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert evaluate(stack, output, faces, "--model", OTHER, "--margin", "100") == 0
    for suffix in (".json", ".html"):
        shutil.copy(output / f"{OTHER}{suffix}", output / f"drawn{suffix}")
    return printed.getvalue()


def test_the_figures_are_those_of_the_services_answers(answers: Answers, output: Path, printed: str) -> None:
    found = figures(output, "drawn")
    right = [next(iter(said)) == path.parent.name for path, said in answers.items()]
    assert found["accuracy"]["value"] == pytest.approx(sum(right) / 70, abs=1e-4)
    assert found["pictures"]["answered"] == 70
    pairs = Counter((path.parent.name, next(iter(said))) for path, said in answers.items())
    expected = [[pairs[truth, predicted] for predicted in LABELS] for truth in LABELS]
    assert found["confusion"] == {"labels": list(LABELS), "counts": expected}
    assert found["model"]["stand_in"] is True
    assert "MobileNetV2_FER2013 1.0 on " in printed
    assert "is a stand-in, not the network that models.json describes" in printed


def test_unreadable_files_are_listed_with_the_services_reason(output: Path, printed: str) -> None:
    [broken] = figures(output, "drawn")["pictures"]["unreadable"]
    assert broken["file"] == "happy/broken.jpg"
    assert broken["reason"].startswith("The file is no image of an accepted format")
    assert f"happy/broken.jpg: {broken['reason']}" in printed
    page = (output / "drawn.html").read_text()
    assert "happy/broken.jpg" in page
    assert "1 file without an answer" in page


class Addresses(HTMLParser):
    """What a page asks for beside itself."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "data", "srcset")]


@pytest.mark.usefixtures("printed")
def test_the_page_needs_nothing_beside_itself(output: Path) -> None:
    page = (output / "drawn.html").read_text()
    addresses = Addresses()
    addresses.feed(page)
    assert len(addresses.found) > 3
    assert all(re.match(r"data:image/(svg\+xml|jpeg);base64,", address) for address in addresses.found)
    assert not re.search(r"url\(|@import|<script|<link", page)


def test_a_stand_in_fails_whatever_it_answers(
    stack: RunningStack, answers: Answers, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sorted_by_answer(tmp_path / "as-answered", answers, {label: label for label in LABELS})
    assert evaluate(stack, output, data, "--model", OTHER) == 1
    assert figures(output)["accuracy"]["value"] == 1
    assert "which a stand-in cannot show." in capsys.readouterr().out


def test_permuted_labels_are_named_and_fail(
    stack: RunningStack, answers: Answers, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shifted = dict(zip(LABELS, (*LABELS[1:], LABELS[0]), strict=True))
    data = sorted_by_answer(tmp_path / "shifted", answers, shifted)
    assert evaluate(stack, output, data, "--model", OTHER) == 1
    printed = capsys.readouterr().out
    assert "The labels look permuted: with other names accuracy would be 100.0 % instead of 0.0 %." in printed
    for label in {next(iter(said)) for said in answers.values()}:
        assert f"{label} means {shifted[label]}" in printed


def test_two_models_are_compared(stack: RunningStack, faces: Path, answers: Answers, output: Path) -> None:
    evaluate(stack, output, faces, "--model", OTHER, "--against", SECOND)
    found = figures(output)["against"]
    others = {path: next(iter(ask(stack, path, SECOND))) for path in answers}
    ours = {path: next(iter(said)) for path, said in answers.items()}
    rights = [(ours[path] == path.parent.name, emotion(others[path]) == emotion(path.parent.name)) for path in answers]
    assert found["only_this_right"] == rights.count((True, False))
    assert found["only_other_right"] == rights.count((False, True))
    differing = {path.relative_to(faces).as_posix() for path in answers if emotion(ours[path]) != emotion(others[path])}
    assert {one["file"] for one in found["differences"]} == differing
    assert f"Against {SECOND}" in (output / f"{OTHER}.html").read_text()


def test_a_version_is_compared_by_what_it_answered_when_it_served(
    stack: RunningStack, faces: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(stack, output, faces, "--model", OTHER, "--against", f"{OTHER}:0.9") == 1
    assert f"--against {OTHER}:0.9: no answers of it about these pictures are recorded" in capsys.readouterr().err
    journal = output / "answers" / f"{OTHER}.jsonl"
    older = journal.read_text().replace('"version": "1.0"', '"version": "0.9"')
    journal.write_text(older + journal.read_text())
    evaluate(stack, output, faces, "--model", OTHER, "--against", f"{OTHER}:0.9")
    found = figures(output)["against"]
    assert (found["pictures"], found["agreement"]["value"], found["mcnemar_p"]) == (70, 1, 1)


def test_an_interrupted_evaluation_goes_on(
    stack: RunningStack, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = "ResNet50_FER2013"
    for label in ("fear", "happy", "sad"):
        shutil.copytree(faces / label, tmp_path / "some" / label, ignore=shutil.ignore_patterns("*.jpg"))
    command = [str(ROOT / "scripts" / "evaluate"), str(tmp_path / "some"), "--model", slow, "--clients", "1"]
    command += ["--url", stack.url, "--output", str(tmp_path)]
    journal = tmp_path / "answers" / f"{slow}.jsonl"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        poll(lambda: journal.exists() and len(journal.read_text().splitlines()) > 3)
        running.send_signal(signal.SIGINT)
        _, told = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Interrupted; the answers are kept, and the same command goes on." in told
    kept = len(journal.read_text().splitlines()) - 1
    assert kept < 30
    assert evaluate(stack, tmp_path, tmp_path / "some", "--model", slow, "--margin", "100", "--clients", "2") == 0
    assert f"{kept} answers are recorded already; {30 - kept} are asked for." in capsys.readouterr().out
    digests = [json.loads(line)["sha256"] for line in journal.read_text().splitlines()[1:]]
    assert len(digests) == len(set(digests)) == figures(tmp_path, slow)["pictures"]["answered"] == 30


def test_all_models_of_a_dataset_fill_their_part_of_the_table(
    stack: RunningStack, faces: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "datasets" / "CK+48"
    for label in ("happy", "neutral", "sad"):
        path = sorted((faces / label).glob("*.png"))[0]
        (data / label).mkdir(parents=True)
        shutil.copy(path, data / label)
    assert evaluate(stack, tmp_path, data.parent, "--all") in (0, 1)
    table = json.loads((tmp_path / "all.json").read_text())
    evaluated = {cell["model"]: cell["pictures"] for cell in table["cells"] if cell["evaluated"]}
    assert evaluated == {name: 2 for name, model in CATALOGUE.items() if model.dataset == "CK+48"}
    assert len(table["cells"]) == 9
    for name in evaluated:
        assert (tmp_path / f"{name}.html").exists()
    assert re.search(r"^ResNet50 +– +– +\d+\.\d %", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ([], 2, "give --model or --all"),
        (["--all", "--model", OTHER], 2, "give --model or --all"),
        (["--all", "--against", OTHER], 2, "--against goes with --model"),
        (["--model", OTHER, "--write"], 2, "--write goes with --fit-temperature"),
        (["--model", OTHER, "--url", "http://127.0.0.1:9"], 4, "Nothing answers at http://127.0.0.1:9; start"),
    ],
)
def test_a_wrong_command_line_is_told(
    tmp_path: Path, arguments: list[str], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), *arguments]) == code
    assert told in re.sub(r"\s*\n[ │]*", " ", capsys.readouterr().err)


def test_an_unknown_model_is_told(
    stack: RunningStack, faces: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(stack, output, faces, "--model", "VGG16") == 1
    assert "'VGG16' is not one of the service's models; use one of MobileNetV2_FER2013, " in capsys.readouterr().err
