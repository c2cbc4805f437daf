"""The image as KServe runs it: the container of the runtime's manifest, and what its storage initializer leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import requests
import tritonclient.http as triton
import yaml

from scripts.settings import ROOT
from tests.images.conftest import HARDENED
from tests.images.engine import Images
from tests.support import images as pictures
from tests.support.commands import run_command
from tests.support.kustomize import Resource
from tests.support.places import PLACES
from tests.support.polling import poll

MODEL = "MobileNetV2_RAF-DB"

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def container() -> Resource:
    (only,) = yaml.safe_load((ROOT / "deploy/kserve/runtime.yaml").read_text())["spec"]["containers"]
    return dict(only)


@pytest.fixture(scope="module")
def initialized(archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/mnt/models, after the storage initializer has copied what storageUri names."""
    assert archives
    folder = tmp_path_factory.mktemp("mnt") / "models"
    told = {**os.environ, **PLACES, "STAND_INS": "allowed"}
    pushed = run_command(told, "transfer", "push", f"file://{folder}", "--model", MODEL)
    assert pushed.returncode == 0, pushed.stderr
    for path in (folder.parent, folder):
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def address(images: Images, container: Resource, initialized: Path) -> Iterator[str]:
    """Where the predictor listens, with one model and stand-ins allowed."""
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    told = {**given, "LOAD_MODELS": MODEL, "STAND_INS": "allowed"}
    variables = [text for key, value in told.items() for text in ("--env", f"{key}={value}")]
    user = f"{container['securityContext']['runAsUser']}:{container['securityContext']['runAsGroup']}"
    options = ["--detach", *HARDENED, "--user", user, "--cpus", "2", "--memory", "2g", "--tmpfs", "/tmp"]
    options += ["--volume", f"{initialized}:/mnt/models:ro", *variables]
    name = images.podman("run", *options, container["image"], *container["args"])
    where = images.podman("inspect", name, "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    try:
        yield f"{where}:{container['ports'][0]['containerPort']}"
    except BaseException:
        print(images.podman("logs", name))
        raise
    finally:
        images.podman("rm", "--force", name)


def passes(address: str, probe: Resource) -> bool:
    try:
        return requests.get(f"http://{address}{probe['httpGet']['path']}", timeout=3).status_code == 200
    except requests.RequestException:
        return False


def test_it_becomes_ready_by_its_probes_and_answers_an_unchanged_client(address: str, container: Resource) -> None:
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        poll(lambda kind=kind: passes(address, container[kind]), seconds=120)  # type: ignore[misc]
    tensor = triton.InferInput("image", [1], "BYTES")
    tensor.set_data_from_numpy(np.array([pictures.frame(1)], dtype=object))
    with triton.InferenceServerClient(address) as client:
        assert client.is_server_ready()
        assert client.is_model_ready(MODEL)
        answer = client.infer(MODEL, [tensor], outputs=[triton.InferRequestedOutput("probabilities")])
    assert answer.as_numpy("probabilities").sum() == pytest.approx(1, abs=1e-4)


def test_a_router_may_ask_under_any_name(address: str) -> None:
    asked = requests.get(f"http://{address}/v2", headers={"Host": "emotions.models.example.com"}, timeout=10)
    assert (asked.status_code, asked.json()["name"]) == (
        200,
        requests.get(f"http://{address}/v2", timeout=10).json()["name"],
    )
