"""The images as an orchestrator runs them: what is in them, how large they are, and the contract from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.catalogue import load_catalogue
from scripts.settings import load_settings
from tests.images.conftest import Pod
from tests.images.engine import Images
from tests.support.asking import asking, predict, wait_for_answers
from tests.support.polling import poll
from tests.support.version import project_version

MODELS = list(load_catalogue(load_settings({}).catalogue))
MOST_BYTES = {"proxy": 120_000_000, "torchserve": 1_200_000_000}
UNWANTED = ("*/site-packages/torch", "*/site-packages/nvidia", "*/bin/gcc", "*/bin/cc", "*/.cache/pip", "*.mar")

pytestmark = [pytest.mark.stack, pytest.mark.slow]


def inspected(images: Images, name: str) -> dict[str, Any]:
    described = json.loads(images.podman("image", "inspect", getattr(images, name)))
    assert len(described) == 1
    return dict(described[0])


@pytest.mark.parametrize("name", MOST_BYTES)
def test_an_image_keeps_to_its_size_and_says_what_it_is(images: Images, name: str) -> None:
    image = inspected(images, name)
    print(f"{name}: {image['Size'] / 1e6:.0f} MB")
    assert image["Size"] <= MOST_BYTES[name]
    assert image["Config"]["User"] == "10001:10001"
    assert image["Labels"]["org.opencontainers.image.version"] == project_version()
    assert image["Labels"]["org.opencontainers.image.revision"]
    assert image["Healthcheck"]["Test"][0] == "CMD"


@pytest.mark.parametrize("name", MOST_BYTES)
def test_an_image_has_no_cuda_no_compiler_no_cache_and_no_archive(images: Images, name: str) -> None:
    root = Path(images.podman("image", "mount", getattr(images, name)))
    files = [path for pattern in UNWANTED for path in root.rglob(pattern.removeprefix("*/"))]
    assert [path for path in files if path.name != "torch" or path.parent.name == "site-packages"] == []
    assert (root / "opt" / "emotions" / "proxy" / "njs" / "log.js").is_file()


@pytest.mark.parametrize("model", MODELS)
def test_every_model_answers_through_both_containers(pod: Pod, model: str) -> None:
    answer = predict(pod.url, model)
    assert (answer.status, answer.body["model"]) == (200, model)
    assert sum(answer.body["predictions"].values()) == pytest.approx(1, abs=1e-4)


def test_models_health_errors_and_metrics_are_those_of_the_contract(pod: Pod) -> None:
    api = f"{pod.url}/api/v1"
    assert set(requests.get(f"{api}/models", timeout=10).json()["loaded_models"]) == set(MODELS)
    assert requests.get(f"{api}/health", timeout=10).json()["loaded_models"] == len(MODELS)
    assert requests.get(f"{api}/health/live", timeout=10).status_code == 200
    unknown = predict(pod.url, "nobody")
    assert (unknown.status, unknown.body["success"]) == (400, False)
    assert requests.get(f"{api}/nowhere", timeout=10).status_code == 404
    assert requests.get(f"{pod.url}/metrics", timeout=10).status_code == 403
    text = pod.inside(pod.proxy, "curl", "-fsS", "http://127.0.0.1:8000/metrics")
    assert "emotion_predictions_total{" in text
    assert "emotion_torchserve_up 1" in text
    assert 'emotion_stack_restarts_total{part="torchserve"} 0' in text
    assert 'part="proxy"' not in text
    assert "emotion_supervisor_up 1" in text
    assert "\nemotion_memory_" not in text  # TorchServe's is not seen from here


def test_torchserve_is_not_reached_from_outside(pod: Pod) -> None:
    for port in (8080, 8081, 8082):
        with pytest.raises(requests.ConnectionError):
            requests.get(f"{pod.url.removesuffix('8000')}{port}/ping", timeout=5)


def test_nothing_runs_as_root_and_the_root_is_read_only(pod: Pod) -> None:
    for container in (pod.torchserve, pod.proxy):
        assert pod.inside(container, "id", "-u") == "10001"
        tried = pod.inside(container, "sh", "-c", "touch /opt/emotions/x 2>/dev/null || echo refused")
        assert tried == "refused"


def test_the_health_checks_pass(pod: Pod) -> None:
    for container in (pod.torchserve, pod.proxy):
        pod.images.podman("healthcheck", "run", container)  # fails unless it is healthy


def test_models_are_managed_and_shown_inside(pod: Pod) -> None:
    shown = pod.inside(pod.torchserve, "python", "-m", "scripts.stack", "status")
    assert "torchserve runs" in shown
    assert shown.count("ready (stand-in)") == len(MODELS)
    assert "VGG19" in pod.inside(pod.torchserve, "python", "-m", "scripts.lifecycle", "list")


def test_a_killed_torchserve_is_brought_back_in_its_container(pod: Pod) -> None:
    pod.inside(
        pod.torchserve,
        "python",
        "-c",
        "import json, os; os.kill(json.load(open('/run/emotions/stack.json'))['torchserve']['pid'], 9)",
    )
    assert predict(pod.url, MODELS[0]).status == 200  # waits for its return
    poll(lambda: requests.get(f"{pod.url}/api/v1/health/ready", timeout=10).status_code == 200, seconds=60)


def test_a_model_that_is_unregistered_inside_answers_what_it_was_asked(pod: Pod) -> None:
    """The proxy does not see the process of the command, which waits until it refuses the model's predictions."""
    with asking(pod.url, MODELS[0], 8) as answers:
        wait_for_answers(answers, 3)
        pod.inside(pod.torchserve, "python", "-m", "scripts.lifecycle", "unregister", MODELS[0])
        poll(lambda: all(own[-1].status == 500 for own in answers))
    assert {answer.status for own in answers for answer in own} == {200, 500}


def test_a_stopped_container_ends_in_order(pod: Pod) -> None:
    for container in (pod.proxy, pod.torchserve):
        pod.images.podman("stop", "--time", "60", container)
        assert pod.images.podman("inspect", container, "--format", "{{.State.ExitCode}}") == "0"
