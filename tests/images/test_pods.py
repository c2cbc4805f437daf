"""The Deployment of deploy/kubernetes, its pods run by podman: probes, drains and new versions, unseen by clients."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.images.engine import NEXT, Images
from tests.images.kubelet import Cluster, Pod, add_key, ask_pod, clients, pods_network
from tests.support.kustomize import Kustomize, of_kind
from tests.support.models import OTHER, SERVED
from tests.support.polling import poll

pytestmark = [pytest.mark.stack, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster(images: Images, archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node without pods. What is changed: two models, which are stand-ins."""
    folder = tmp_path_factory.mktemp("cluster")
    resources = Kustomize(folder).render("overlays/all")
    settings = of_kind(resources, "ConfigMap")["data"]
    settings |= {"STAND_INS": "allowed", "LOAD_MODELS": f"{SERVED},{OTHER}"}
    node = Cluster(images, resources, folder, archives)
    with pods_network(node):
        yield node


@pytest.fixture(scope="module")
def key(cluster: Cluster) -> str:
    """An app's key, in the file that the secret is made from."""
    return add_key(cluster.folder)


@pytest.fixture(scope="module")
def pods(cluster: Cluster, key: str) -> list[Pod]:
    """As many as there are at least."""
    assert key
    assert of_kind(cluster.resources, "ScaledObject")["spec"]["minReplicaCount"] == 2
    return [cluster.create("first"), cluster.create("second")]


def test_the_containers_are_limited_as_the_manifest_says(cluster: Cluster, pods: list[Pod]) -> None:
    for name, manifest in pods[0].containers.items():
        found = cluster.inspect(name)
        assert found["Config"]["User"] == "10001:10001"
        assert found["HostConfig"]["ReadonlyRootfs"]
        assert not found["EffectiveCaps"]
        memory = int(manifest["resources"]["limits"]["memory"].removesuffix("Gi").removesuffix("Mi"))
        assert found["HostConfig"]["Memory"] == memory << (30 if memory < 100 else 20)


def test_all_probes_pass_as_they_are_written(cluster: Cluster, pods: list[Pod]) -> None:
    for pod in pods:
        assert all(cluster.passes(pod, kind) for kind in ("startupProbe", "readinessProbe", "livenessProbe"))


def test_each_pod_answers_at_its_own_address(pods: list[Pod], key: str) -> None:
    assert len({pod.address for pod in pods}) == 2
    for pod in pods:
        answer = ask_pod(pod, SERVED, key)
        assert (answer.status_code, answer.json()["model"]) == (200, SERVED)
        assert ask_pod(pod, SERVED, "no-key").status_code == 401


def test_a_killed_torchserve_is_brought_back_by_its_supervisor(cluster: Cluster, pods: list[Pod]) -> None:
    records = json.loads(cluster.images.podman("exec", "first-torchserve", "cat", "/run/emotions/stack.json"))
    kill = f"import os; os.kill({records['torchserve']['pid']}, 9)"
    cluster.images.podman("exec", "first-torchserve", "python", "-c", kill)
    poll(lambda: cluster.passes(pods[0], "livenessProbe"))  # by its supervisor
    poll(lambda: cluster.passes(pods[0], "readinessProbe"))


def test_a_killed_container_is_waited_for(cluster: Cluster, pods: list[Pod], key: str) -> None:
    with clients(cluster, SERVED, key) as seen:
        poll(lambda: seen.answers > 50)
        os.kill(cluster.inspect("second-torchserve")["State"]["Pid"], signal.SIGKILL)
        cluster.endpoints.remove(pods[1])  # when its probe fails; what is asked of it till then waits
        poll(lambda: cluster.inspect("second-torchserve")["State"]["Running"])
        poll(lambda: cluster.passes(pods[1], "readinessProbe"))
        cluster.endpoints.append(pods[1])
        before = seen.answers
        poll(lambda: seen.answers > before + 50)
    assert (seen.refused, seen.lost) == ([], [])


def test_a_pod_is_drained_without_an_error(cluster: Cluster, pods: list[Pod], key: str) -> None:
    with clients(cluster, SERVED, key) as seen:
        poll(lambda: seen.answers > 50)
        seconds = cluster.end(pods[1])
        before = seen.answers
        cluster.create("third")
        poll(lambda: seen.answers > before + 50)
    print(f"drained in {seconds:.1f} s, {seen.answers} answers")
    assert (seen.refused, seen.lost) == ([], [])


def test_a_new_version_is_rolled_out_without_an_error(cluster: Cluster, key: str) -> None:
    with clients(cluster, SERVED, key) as seen:
        poll(lambda: seen.answers > 50)
        cluster.roll(NEXT)
        before = seen.answers
        poll(lambda: seen.answers > before + 50)
    assert [pod.name.rpartition("-")[2] for pod in cluster.endpoints] == [NEXT, NEXT]
    assert (seen.refused, seen.lost) == ([], [])


def test_a_deleted_pod_s_clients_are_answered_by_the_other(cluster: Cluster, key: str) -> None:
    """Without a warning: only what was under way there is lost."""
    gone, stays = cluster.endpoints
    with clients(cluster, SERVED, key) as seen:
        poll(lambda: seen.answers > 50)
        cluster.images.podman("pod", "rm", "--force", "--time", "0", gone.name)
        cluster.endpoints.remove(gone)
        before = seen.answers
        poll(lambda: seen.answers > before + 50)
    assert seen.refused == []
    assert all(each.startswith(gone.name) for each in seen.lost)
    assert cluster.endpoints == [stays]
