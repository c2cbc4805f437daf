"""scripts/predict and the client examples, run as people run them."""

from __future__ import annotations

import json
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
from PIL import Image

from scripts.pictures.scenes import draw_empty_scene, draw_scene
from scripts.settings import ROOT
from tests.client.running import MODEL, answer_of, predict, run
from tests.support.commands import program_is_missing
from tests.support.models import OTHER
from tests.support.places import SAMPLES
from tests.support.polling import poll
from tests.support.trained import as_if_trained

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

EXAMPLES = {
    "python": [sys.executable, str(ROOT / "examples" / "client.py")],
    "javascript": ["node", str(ROOT / "examples" / "client.mjs")],
}


@pytest.fixture(autouse=True, scope="module")
def node() -> None:
    """The JavaScript example needs Node.js."""
    if shutil.which("node") is None:
        program_is_missing("node is missing; install Node.js 20 or newer")


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_prints_the_services_answer(stack: RunningStack, face: Path, language: str) -> None:
    done = run([*EXAMPLES[language], str(face), MODEL], SERVICE_URL=stack.url)
    assert done.stderr == ""
    shown = {label: float(percent) for label, percent in re.findall(r"(\w+) +([\d.]+) %", done.stdout)}
    expected = answer_of(stack, face, MODEL)["predictions"]
    assert shown == {label: pytest.approx(100 * part, abs=0.051) for label, part in expected.items()}
    assert list(shown) == list(expected)


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_prints_each_face(stack: RunningStack, tmp_path: Path, language: str) -> None:
    people = tmp_path / "people.jpg"
    people.write_bytes(draw_scene(31, size=(640, 480), shares=(0.35, 0.2, 0.2)).jpeg())
    done = run([*EXAMPLES[language], str(people), OTHER, "faces"], SERVICE_URL=stack.url)
    assert done.stderr == ""
    with people.open("rb") as file:
        answer = requests.post(f"{stack.url}/api/v1/faces", files={"file": file}, data={"model": OTHER}, timeout=60)
    expected = answer.json()["faces"]
    shown = re.findall(r"(\d+)x\d+ at (\d+),\d+ +(\w+)  +([\d.]+) %", done.stdout)
    for (width, x, label, share), one in zip(shown, expected, strict=True):
        assert (int(width), int(x), label) == (one["box"]["width"], one["box"]["x"], one["top_emotion"])
        assert float(share) == pytest.approx(100 * one["confidence"], abs=0.051)
    assert len(expected) == 3


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_ends_with_the_services_own_sentence(stack: RunningStack, face: Path, language: str) -> None:
    done = run([*EXAMPLES[language], str(face), "VGG16_CK+48"], SERVICE_URL=stack.url)
    assert done.returncode == 1
    assert done.stderr.strip() == answer_of(stack, face, "VGG16_CK+48")["error"]


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_asks_about_many_pictures_and_goes_on_after_a_failure(
    stack: RunningStack, tmp_path: Path, language: str
) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    pictures = [SAMPLES / "fear.jpg", broken, *(SAMPLES / f"{name}.jpg" for name in ("anger", "happiness"))]
    done = run([*EXAMPLES[language], *map(str, pictures), MODEL], SERVICE_URL=stack.url)
    assert done.returncode == 1
    assert done.stderr == f"{broken}: {answer_of(stack, broken, MODEL)['error']}\n"
    answers = {picture: answer_of(stack, picture, MODEL) for picture in pictures if picture != broken}
    assert [line.split() for line in done.stdout.splitlines()] == [
        [f"{100 * answer['confidence']:.1f}", "%", answer["top_emotion"], str(picture)]
        for picture, answer in answers.items()
    ]


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_says_in_a_sentence_that_nothing_answers(face: Path, language: str) -> None:
    done = run([*EXAMPLES[language], str(face), MODEL], SERVICE_URL="http://127.0.0.1:9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Nothing answers at http://127.0.0.1:9; start the service, or set SERVICE_URL\n"


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_waits_when_it_is_told_to(limited: RunningStack, key: str, face: Path, language: str) -> None:
    commands = [[*EXAMPLES[language], str(face), OTHER]] * 2
    with ThreadPoolExecutor() as threads:
        for done in threads.map(lambda command: run(command, SERVICE_URL=limited.url, API_KEY=key), commands):
            assert (done.returncode, done.stderr) == (0, "")
            assert len(done.stdout.splitlines()) == 7


@pytest.mark.parametrize("language", EXAMPLES)
def test_example_without_a_key_says_that_one_is_required(limited: RunningStack, face: Path, language: str) -> None:
    done = run([*EXAMPLES[language], str(face), OTHER], SERVICE_URL=limited.url)
    assert done.returncode == 1
    assert done.stderr.startswith("A key is required; send it as ")


def test_command_shows_each_face_and_writes_a_picture_with_the_boxes(stack: RunningStack, tmp_path: Path) -> None:
    people, nobody = tmp_path / "people.jpg", tmp_path / "nobody.jpg"
    people.write_bytes(draw_scene(31, size=(640, 480), shares=(0.35, 0.2, 0.2)).jpeg())
    nobody.write_bytes(draw_empty_scene(3, size=(640, 480)).jpeg())
    done = predict(stack, people, nobody, "--faces", "--model", OTHER, "--json")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    assert f"Boxes: {tmp_path}/people-{OTHER}-faces.png" in done.stderr
    assert f"{nobody}: no face is found" in done.stderr
    with Image.open(tmp_path / f"people-{OTHER}-faces.png") as drawn:
        assert drawn.size == (640, 480)


def test_command_takes_a_key_from_its_option_or_the_environment(limited: RunningStack, key: str, face: Path) -> None:
    done = predict(limited, face, "--key", key)
    assert done.returncode == 0, done.stderr
    done = run([str(ROOT / "scripts" / "predict"), str(face)], **{**limited.environment, "API_KEY": key})
    assert done.returncode == 0, done.stderr
    for arguments, told in (([], "A key is required; "), (["--key", "wrong"], "This key is not known here: ")):
        refused = predict(limited, face, *arguments)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"{limited.url}: {told}")
        assert refused.stderr.endswith(" Give it with --key or API_KEY.\n")


def test_evaluation_takes_a_key_and_waits_when_it_is_told_to(limited: RunningStack, key: str, tmp_path: Path) -> None:
    """Two pictures and the evaluation's own probe, of a service that takes one a second."""
    for sample, label in (("happiness", "happy"), ("fear", "fear")):
        (tmp_path / "data" / label).mkdir(parents=True)
        shutil.copy(SAMPLES / f"{sample}.jpg", tmp_path / "data" / label)
    command = [str(ROOT / "scripts" / "evaluate"), str(tmp_path / "data"), "--model", OTHER, "--margin", "100"]
    command += ["--output", str(tmp_path), "--keep"]
    refused = run(command, **limited.environment)
    assert refused.returncode == 1
    assert "A key is required" in refused.stderr
    done = run(command, **{**limited.environment, "API_KEY": key})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{OTHER} 1.0 on data: 2 pictures" in done.stdout
    figures = json.loads((tmp_path / f"{OTHER}.json").read_text())
    expected = {
        name: pytest.approx(100 * figures[name]["value"], abs=0.01) for name in ("accuracy", "macro_f1", "mean_recall")
    }
    assert "measured" not in _entry(limited, key), "what a stand-in answers is no model's accuracy"
    with as_if_trained(limited, OTHER):
        measured = poll(lambda: _entry(limited, key).get("measured"))
    assert measured == {**expected, "pictures": 2, "data": "data", "made": figures["made"]}


def test_figures_of_another_network_are_not_shown(limited: RunningStack, key: str) -> None:
    """What was measured of other weights or another precision than those that are served."""
    path = limited.settings.model_store / f"{OTHER}.evaluation.json"
    kept = json.loads(path.read_text())
    with as_if_trained(limited, OTHER):
        for changed in ({"checkpoint_sha256": "0" * 64}, {"precision": "bf16"}):
            poll(lambda: "measured" in _entry(limited, key))
            path.write_text(json.dumps({**kept, "network": {**kept["network"], **changed}}))
            poll(lambda: "measured" not in _entry(limited, key))
            path.write_text(json.dumps(kept))
        poll(lambda: "measured" in _entry(limited, key))
        path.write_text("[")
        poll(lambda: "measured" not in _entry(limited, key))


def _entry(stack: RunningStack, key: str) -> dict[str, Any]:
    """What the service lists of the model."""
    listed = requests.get(f"{stack.url}/api/v1/models", headers={"X-API-Key": key}, timeout=30)
    entry: dict[str, Any] = listed.json()["models"][OTHER]
    return entry


def test_stack_that_requires_keys_starts_and_says_how_to_send_one(limited: RunningStack) -> None:
    shown = limited.command("stack", "status")
    assert shown.returncode == 0
    assert 'curl -H "Authorization: Bearer $API_KEY" -F model=' in shown.stdout
