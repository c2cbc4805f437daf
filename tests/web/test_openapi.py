"""/openapi.json against the running service, in both directions."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests
import yaml

from scripts.catalogue import load_catalogue
from scripts.checkpoints.file_types import CheckpointError, refuse_other_files
from scripts.proxy.pages import DESCRIPTION
from scripts.settings import ROOT, load_settings
from tests.support import images
from tests.support.client import Client

from .test_faces import PEOPLE

if TYPE_CHECKING:
    from tests.support.proxies import RunningProxy
    from tests.support.stacks import RunningStack
    from tests.web.generated import Description as Generated

Description = dict[str, Any]
PATHS = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
OPERATIONS = [(path, method) for path, methods in PATHS.items() for method in methods]


@pytest.fixture(scope="session")
def description(stack: RunningStack) -> Description:
    """What the service says of itself."""
    answer = requests.get(f"{stack.url}/openapi.json", timeout=10)
    assert answer.headers["Content-Type"] == "application/json"
    body: Description = answer.json()
    return body


@pytest.fixture(scope="module")
def generated(cached: RunningProxy) -> Generated:
    """Requests made from it; what makes them takes seconds to import, and every process reads this file.

    The few pictures in them are computed once for each model and option: kept answers are as described, too.
    """
    from tests.web.generated import Description

    return Description(cached.url)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_as_described(generated: Generated, path: str, method: str) -> None:
    assert 200 in generated.statuses(path, method)


def test_requests_that_are_not_as_described_are_refused_as_described(generated: Generated) -> None:
    for path in ("/api/v1/predict", "/api/v1/compare", "/api/v1/faces"):
        assert generated.statuses(path, "post", as_described=False) == {400}


# The further fields of a form, and what is found of three people: how many are answered for, and how many left out.
FACES: dict[str, tuple[dict[str, str], tuple[int, int] | None]] = {
    "all": ({}, (3, 0)),
    "least": ({"max_faces": "1"}, (1, 2)),
    "most": ({"max_faces": "10"}, (3, 0)),
    "surest": ({"min_score": "1"}, (0, 0)),
    "no face": ({"max_faces": "0"}, None),
    "one too many": ({"max_faces": "11"}, None),
    "a hundred": ({"max_faces": "100"}, None),
    "words": ({"max_faces": "all"}, None),
    "no score": ({"min_score": "nan"}, None),
    "over the surest": ({"min_score": "1.01"}, None),
}


@pytest.mark.parametrize("case", FACES)
def test_answers_about_faces_are_as_described(stack: RunningStack, generated: Generated, case: str) -> None:
    fields, found = FACES[case]
    answer = Client(stack.url).faces(PEOPLE, "MobileNetV2_RAF-DB", None, **fields)
    generated.check("/api/v1/faces", "post", answer)
    assert answer.status_code == (200 if found else 400)
    if found:
        body = answer.json()
        assert (len(body["faces"]), body["omitted"]) == found


def test_whatever_looks_a_little_like_a_face_is_as_described(stack: RunningStack, generated: Generated) -> None:
    """With the least score of all: boxes and landmarks at the edges of the picture, and beyond."""
    answer = Client(stack.url).faces(PEOPLE, "MobileNetV2_RAF-DB", min_score="0")
    generated.check("/api/v1/faces", "post", answer)
    assert len(answer.json()["faces"]) == 10


def test_described_routes_are_the_services_routes(stack: RunningStack, description: Description) -> None:
    sentence = requests.get(f"{stack.url}/nowhere", timeout=10).json()["error"]
    routes = re.search(r"the paths are (.+)\.$", sentence)
    assert routes
    assert set(description["paths"]) == set(routes[1].split(", "))


def test_described_methods_are_the_routes_methods(stack: RunningStack, description: Description) -> None:
    for path, operations in description["paths"].items():
        answer = requests.request("PATCH", f"{stack.url}{path}", timeout=10)
        allowed = set(answer.headers["Allow"].split(", ")) - {"HEAD", "OPTIONS"}
        assert answer.status_code == 405
        assert {method.upper() for method in operations} == allowed


def test_names_and_labels_are_those_of_the_catalogue(description: Description) -> None:
    catalogue = load_catalogue(ROOT / "models.json")
    schemas = description["components"]["schemas"]
    assert schemas["ModelName"]["enum"] == list(catalogue)
    assert set(schemas["Label"]["enum"]) == {label for model in catalogue.values() for label in model.emotions}


def test_example_of_the_models_is_what_the_service_answers_of_real_ones(
    stack: RunningStack, description: Description
) -> None:
    answer = requests.get(f"{stack.url}/api/v1/models", timeout=10).json()
    example = description["components"]["schemas"]["Models"]["example"]
    for name, entry in answer["models"].items():
        assert entry.pop("stand_in") is True
        assert (entry.pop("precision"), entry.pop("version"), len(entry.pop("digest"))) == ("f32", "1.0", 64)
        entry["accuracy"] = load_catalogue(ROOT / "models.json")[name].accuracy
        assert example["models"][name].keys() == entry.keys()
    assert {**answer, "loaded_models": sorted(answer["loaded_models"])} == {
        **example,
        "loaded_models": sorted(example["loaded_models"]),
    }


def test_every_error_of_the_contract_is_described(description: Description) -> None:
    for path, more in (("/api/v1/predict", set()), ("/api/v1/compare", set()), ("/api/v1/faces", {"501"})):
        described = set(description["paths"][path]["post"]["responses"])
        assert described - more == {
            "200",
            "400",
            "401",
            "403",
            "405",
            "413",
            "415",
            "421",
            "422",
            "429",
            "500",
            "503",
            "504",
        }
    for name, response in description["components"]["responses"].items():
        if not name.startswith("Inference"):
            example = response["content"]["application/json"]["example"]
            assert set(example) == {"success", "error"}
            assert example["success"] is False


def _example(description: Description, response: str) -> str:
    """The sentence of a described error."""
    sentence = description["components"]["responses"][response]["content"]["application/json"]["example"]["error"]
    assert isinstance(sentence, str)
    return sentence


PROVOKED: dict[str, Callable[[Client], requests.Response]] = {
    "BadRequest": lambda client: client.predict(images.frame(1), "VGG16_FER2013"),
    "ForeignPage": lambda client: client.predict(images.frame(1), "VGG19_CK+48", {"Origin": "https://example.org"}),
    "MethodNotAllowed": lambda client: client.get("/api/v1/predict"),
    "TooLarge": lambda client: client.post_body(bytes(11 * 2**20)),
    "OtherHost": lambda client: client.get("/", {"Host": "example.org"}),
    "NotAnImage": lambda client: client.predict(b"%PDF-1.7", "VGG19_CK+48"),
}


@pytest.mark.parametrize("response", PROVOKED)
def test_example_of_an_error_is_the_services_answer(
    stack: RunningStack, description: Description, response: str
) -> None:
    assert PROVOKED[response](Client(stack.url)).json()["error"] == _example(description, response)


def test_example_of_too_many_requests_is_that_of_the_default(description: Description) -> None:
    under_way = _example(description, "TooManyRequests").partition(" ")[0]
    assert int(under_way) == load_settings({}).client_requests


def test_example_of_a_model_that_is_not_served_is_what_the_build_says_of_a_pointer(
    description: Description, tmp_path: Path
) -> None:
    checkpoint = tmp_path / "VGG19_CK+48_best.pt"
    checkpoint.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(CheckpointError) as raised:
        refuse_other_files(checkpoint)
    assert str(raised.value) == _example(description, "NotServed")


@pytest.mark.parametrize(
    "response", ["Forbidden", "NoKey", "OtherHost", "EndsWorkers", "TooManyRequests", "NotReady", "TooSlow"]
)
def test_example_of_an_error_is_a_sentence_of_the_proxy(description: Description, response: str) -> None:
    """What is between ``${`` and ``}`` in a script may be anything."""
    scripts = [path.read_text(encoding="utf-8") for path in (ROOT / "proxy" / "njs").rglob("*.js")]
    code = re.sub(r"^ *(?://|/?\*).*$", "", "\n".join(scripts), flags=re.MULTILINE)
    for _ in range(3):  # a sentence goes on in the next line
        code = re.sub(r"(['`])\n *\+ (['`])((?:(?!\2).)*)\2", r"\3\1", code)
    literals = {text for _, text in re.findall(r"(['`])((?:(?!\1).)+)\1", code)}
    fixed = [re.split(r"\$\{[^}]*\}", text) for text in literals]
    patterns = [".+".join(map(re.escape, parts)) for parts in fixed if len("".join(parts)) > 40]
    sentence = _example(description, response)
    assert [pattern for pattern in patterns if re.fullmatch(pattern, sentence)]


def test_other_origins_that_are_listed_may_read_it(stack: RunningStack) -> None:
    headers = {"Origin": "http://localhost:5173"}
    answer = requests.get(f"{stack.url}/openapi.json", headers=headers, timeout=10)
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:5173"
