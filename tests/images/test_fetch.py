"""components/fetch: a pod has its archives from a registry, verified, or does not start."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.images.engine import Images
from tests.images.kubelet import Cluster, add_key, as_fs_group, ask_pod, pods_network
from tests.support.commands import run_command
from tests.support.kustomize import Kustomize, of_kind, written_overlay
from tests.support.models import OTHER
from tests.support.stacks import stack_environment
from tests.transfer.servers import log_in, password_file, running_registry

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fetch")


@pytest.fixture(scope="module")
def cluster(images: Images, folder: Path) -> Iterator[Cluster]:
    """A node without pods and without a claim. What is changed: a stand-in serves, and the registry has no TLS."""
    kustomize = Kustomize(folder)
    kustomize.add("overlays/mine", **written_overlay())
    resources = kustomize.render("overlays/mine")
    fetch = of_kind(resources, "Deployment")["spec"]["template"]["spec"]["initContainers"][0]
    fetch["command"].append("--plain-http")
    for settings in (each["data"] for each in resources if each["kind"] == "ConfigMap"):
        settings["STAND_INS"] = "allowed"
    node = Cluster(images, resources, folder, folder)
    with pods_network(node):
        yield node


@pytest.fixture(scope="module")
def pushed(folder: Path, archives: Path, cluster: Cluster) -> Iterator[str]:
    """Where the pods find the archive of one model, for those who have a password."""
    (network,) = json.loads(cluster.images.podman("network", "inspect", cluster.network))
    here = network["subnets"][0]["gateway"]
    (folder / "registry").mkdir()
    with running_registry(folder / "registry", password_file(folder), "0.0.0.0") as port:
        log_in(folder / "home", f"127.0.0.1:{port}")
        environment = stack_environment(folder / "run", MODEL_STORE=str(archives), HOME=str(folder / "home"))
        done = run_command(environment, "transfer", "push", f"oci://127.0.0.1:{port}/emotions:1.1", "--model", OTHER)
        assert done.returncode == 0, done.stderr
        as_fs_group(log_in(folder / "emotions-registry", f"{here}:{port}"))
        yield f"oci://{here}:{port}/emotions@{done.stdout.split()[-1].rpartition('@')[2]}"


@contextmanager
def archives_from(cluster: Cluster, address: str) -> Iterator[None]:
    """Have pods ask for their archives there."""
    settings = {each["metadata"]["name"]: each for each in cluster.resources if each["kind"] == "ConfigMap"}
    (archives,) = [each["data"] for name, each in settings.items() if name.startswith("emotions-archives")]
    before = dict(archives)
    archives["ARCHIVES"] = address
    yield
    archives.update(before)


def test_a_pod_serves_the_archives_of_a_registry(cluster: Cluster, pushed: str) -> None:
    key = add_key(cluster.folder)
    with archives_from(cluster, pushed):
        pod = cluster.create("fetched")
    answer = ask_pod(pod, OTHER, key)
    assert (answer.status_code, answer.json()["model"]) == (200, OTHER)


def test_a_pod_without_its_archives_does_not_start(cluster: Cluster, pushed: str) -> None:
    wrong = pushed[:-64] + "0" * 64
    with archives_from(cluster, wrong), pytest.raises(AssertionError, match=f"{wrong}: "):
        cluster.create("without")
