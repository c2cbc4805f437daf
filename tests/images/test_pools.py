"""The overlay with a pool for each architecture, its pods run by podman: each model is answered by its own pool."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT
from tests.images.engine import NEXT, Images
from tests.images.kubelet import Cluster, add_key, as_fs_group, ask_pod, clients, pods_network
from tests.support.asking import IMAGE, TIMEOUT
from tests.support.kustomize import Kustomize, Resource
from tests.support.polling import poll

pytestmark = [pytest.mark.stack, pytest.mark.slow]

CATALOGUE = load_catalogue(ROOT / "models.json")
ARCHITECTURES = {"mobilenetv2": "MobileNetV2", "resnet50": "ResNet50", "vgg19": "VGG19"}
OF_POOL = {
    pool: [name for name, model in CATALOGUE.items() if model.architecture == architecture]
    for pool, architecture in ARCHITECTURES.items()
}
CANARY = OF_POOL["mobilenetv2"][0]


@dataclass(frozen=True)
class Overlay:
    """A pod of each pool, and two of the balancer; what apps show is ``key``."""

    pools: dict[str, Cluster]
    balancers: Cluster
    key: str

    def log(self, pool: str) -> list[str]:
        """The models that a pool was asked for."""
        (pod,) = self.pools[pool].endpoints
        text = self.balancers.images.podman("exec", f"{pod.name}-proxy", "cat", "/run/emotions/logs/proxy-access.log")
        return [json.loads(line)["model"] for line in text.splitlines()]


@pytest.fixture(scope="module")
def overlay(images: Images, archives: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Overlay]:
    """What is changed: stand-ins serve, and the names of the Services are those of pods, at the pods' own port."""
    folder = tmp_path_factory.mktemp("pools")
    resources = Kustomize(folder).render("overlays/pools")
    made = Overlay(
        {pool: Cluster(images, _of(resources, pool), folder, _store(folder, archives, pool)) for pool in OF_POOL},
        Cluster(images, _of(resources, "balancer"), folder, archives),
        add_key(folder),
    )
    _add_balancers_key(folder)
    with pods_network(made.balancers):
        _start(made)
        yield made


def _of(resources: list[Resource], part: str) -> list[Resource]:
    """The Deployment of a pool or of the balancer, and its settings."""
    (deployment,) = [
        each for each in resources if each["kind"] == "Deployment" and each["metadata"]["name"] == f"emotions-{part}"
    ]
    wanted = deployment["spec"]["template"]["spec"]["initContainers"][0]["envFrom"][0]["configMapRef"]["name"]
    (settings,) = [each for each in resources if each["kind"] == "ConfigMap" and each["metadata"]["name"] == wanted]
    changed = {"STAND_INS": "allowed"}
    if "NODES" in settings["data"]:
        changed["NODES"] = settings["data"]["NODES"].replace(":80", ":8000")
    return [deployment, {**settings, "data": {**settings["data"], **changed}}]


def _store(folder: Path, archives: Path, pool: str) -> Path:
    """What a pool's claim is filled with: its models alone."""
    store = folder / f"store-{pool}"
    store.mkdir()
    index = json.loads((archives / "index.json").read_text())
    (store / "index.json").write_text(json.dumps({name: index[name] for name in OF_POOL[pool]}))
    for name in OF_POOL[pool]:
        for file in archives.glob(f"{CATALOGUE[name].archive_name}.*"):
            os.link(file, store / file.name)
    return store


def _add_balancers_key(folder: Path) -> None:
    secret = folder / "emotions-balancer-key"
    secret.mkdir()
    (secret / "key").write_text(add_key(folder, "balancer") + "\n")
    as_fs_group(secret / "key")


def _start(overlay: Overlay) -> None:
    for pool, cluster in overlay.pools.items():
        overlay.balancers.services[f"emotions-{pool}"] = cluster.create(pool).address
    for number in ("first", "second"):
        overlay.balancers.create(f"balancer-{number}")


def test_each_model_is_answered_by_its_own_pool(overlay: Overlay) -> None:
    for number, pod in enumerate(overlay.balancers.endpoints, start=1):
        for name in CATALOGUE:
            answer = ask_pod(pod, name, overlay.key)
            assert (answer.status_code, answer.json().get("model")) == (200, name), answer.text
        for pool, names in OF_POOL.items():
            asked = [model for model in overlay.log(pool) if model]
            assert sorted(asked) == sorted(names * number)


def test_a_comparison_of_all_pools_is_one_answer(overlay: Overlay) -> None:
    pod = overlay.balancers.endpoints[0]
    names = [names[0] for names in OF_POOL.values()]
    answer = requests.post(
        f"http://{pod.address}:8000/api/v1/compare",
        files={"file": ("frame.jpg", IMAGE)},
        data={"model": names},
        headers={"Host": "emotions", "X-API-Key": overlay.key},
        timeout=TIMEOUT,
    )
    assert [(each["model"], each["success"]) for each in answer.json()["results"]] == [(name, True) for name in names]


def test_who_shows_no_key_gets_no_answer(overlay: Overlay) -> None:
    pods = [*overlay.balancers.endpoints, *(pod for pool in overlay.pools.values() for pod in pool.endpoints)]
    assert [ask_pod(pod, CANARY, "no-key").status_code for pod in pods] == [401] * 5


def test_a_pool_that_is_away_takes_no_other_with_it(overlay: Overlay) -> None:
    pool, (pod, _) = overlay.pools["resnet50"], overlay.balancers.endpoints
    (gone,) = pool.endpoints
    missing = OF_POOL["resnet50"][0]
    with clients(overlay.balancers, CANARY, overlay.key) as seen:
        pool.end(gone)
        refused = poll(lambda: ask_pod(pod, missing, overlay.key), lambda answer: answer.status_code == 503)
        assert int(refused.headers["Retry-After"]) >= 1
        before = seen.answers
        poll(lambda: seen.answers > before + 50)
        pool.create("resnet50-next", address=gone.address)  # as its Service has one address
        poll(lambda: ask_pod(pod, missing, overlay.key).status_code == 200)
    assert (seen.refused, seen.lost) == ([], [])


def test_the_balancers_are_replaced_without_an_error(overlay: Overlay) -> None:
    with clients(overlay.balancers, CANARY, overlay.key) as seen:
        overlay.balancers.roll(NEXT)
        before = seen.answers
        poll(lambda: seen.answers > before + 50)
    assert [pod.name.rpartition("-")[2] for pod in overlay.balancers.endpoints] == [NEXT, NEXT]
    assert (seen.refused, seen.lost) == ([], [])
