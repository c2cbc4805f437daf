"""What Kubernetes does with the Deployment's pods, by podman: starts, probes, balances and ends them as it says.

podman 4.3 lacks what ``_for_podman`` changes; the containers, their limits, probes and hooks are those of the manifest.
"""

from __future__ import annotations

import copy
import json
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests
import yaml

from scripts.access.key_file import KeyFile
from tests.images.engine import Images
from tests.support.asking import IMAGE, TIMEOUT
from tests.support.kustomize import Resource, of_kind
from tests.support.polling import poll

# Until every node has heard that a pod takes no more.
UNHEARD_SECONDS = 2.0


@dataclass(frozen=True)
class Pod:
    """A pod that was started; ``manifest`` is its part of the Deployment."""

    name: str
    address: str
    manifest: Resource

    @property
    def containers(self) -> dict[str, Resource]:
        """The containers' manifests by the names that podman gives them."""
        return {f"{self.name}-{each['name']}": each for each in self.manifest["spec"]["containers"]}


@dataclass
class Cluster:
    """One node; ``endpoints`` are the pods that the Service sends connections to."""

    images: Images
    resources: list[Resource]
    folder: Path
    archives: Path
    network: str = field(default_factory=lambda: f"pods-{os.getpid()}")
    endpoints: list[Pod] = field(default_factory=list)
    services: dict[str, str] = field(default_factory=dict)
    """The addresses of other Services by their names."""

    def create(self, name: str, tag: str | None = None, address: str | None = None) -> Pod:
        """Start a pod, with another ``tag`` or at an ``address`` if given; returns when its probes let it serve."""
        manifest = self._for_podman(name, tag)
        file = self.folder / f"{name}.yaml"
        settings = [each for each in self.resources if each["kind"] == "ConfigMap"]
        file.write_text(yaml.safe_dump_all([*settings, manifest]))
        place = ["--network", self.network, *(["--ip", address] if address else [])]
        try:
            self.images.podman("play", "kube", *place, file)
        except AssertionError as error:
            first = manifest["spec"]["initContainers"][0]["name"]
            raise AssertionError(f"{error}\n{self.images.logs(f'{name}-{first}')}") from error
        infra = self.images.podman("pod", "inspect", name, "--format", "{{.InfraContainerID}}")
        (network,) = self.inspect(infra)["NetworkSettings"]["Networks"].values()
        pod = Pod(name, network["IPAddress"], manifest)
        for kind in ("startupProbe", "readinessProbe"):
            poll(lambda kind=kind: self.passes(pod, kind), seconds=120)  # type: ignore[misc]
        self.endpoints.append(pod)
        return pod

    def passes(self, pod: Pod, kind: str) -> bool:
        """Whether the containers' probes of a kind pass, as they are written."""
        probes = {name: each[kind] for name, each in pod.containers.items() if kind in each}
        assert probes
        return all(self._passes(pod, name, probe) for name, probe in probes.items())

    def end(self, pod: Pod) -> float:
        """End a pod as Kubernetes does; returns the seconds that took. Nothing has to be killed."""
        started = time.monotonic()
        grace = pod.manifest["spec"]["terminationGracePeriodSeconds"]
        unheard = threading.Timer(UNHEARD_SECONDS, self.endpoints.remove, [pod])
        unheard.start()
        with ThreadPoolExecutor() as threads:
            codes = list(threads.map(lambda each: self._end(each[0], each[1], grace), pod.containers.items()))
        unheard.join()
        seconds = time.monotonic() - started
        assert codes == [0] * len(codes)
        assert seconds < grace
        self.images.podman("pod", "rm", "--force", pod.name)
        return seconds

    def roll(self, tag: str) -> None:
        """Replace the pods by others of these images, as ``maxSurge: 1, maxUnavailable: 0`` says."""
        for old in list(self.endpoints):
            self.create(f"{old.name}-{tag}", tag)
            self.end(old)

    def inspect(self, container: str) -> dict[str, Any]:
        """What podman knows of a container."""
        return dict(json.loads(self.images.podman("inspect", container))[0])

    def _passes(self, pod: Pod, container: str, probe: Resource) -> bool:
        seconds = probe.get("timeoutSeconds", 1)
        if "exec" in probe:
            try:
                self.images.podman("exec", container, *probe["exec"]["command"], seconds=seconds + 5)
            except AssertionError:
                return False
            return True
        try:
            wanted = probe["httpGet"]
            return requests.get(f"http://{pod.address}:{wanted['port']}{wanted['path']}", timeout=seconds).ok
        except requests.RequestException:
            return False

    def _end(self, container: str, manifest: Resource, grace: float) -> int:
        self.images.podman("exec", container, *manifest["lifecycle"]["preStop"]["exec"]["command"], seconds=grace)
        self.images.podman("stop", "--time", str(grace), container)  # by the image's signal
        return int(self.inspect(container)["State"]["ExitCode"])

    def _for_podman(self, name: str, tag: str | None) -> Resource:
        """The Deployment's pod as podman 4.3 takes it.

        A bare Pod, since it would start an init container of a Deployment again and again; ports by number, and none to
        be published on the host; volumes that it knows; names of Services in its file of hosts.
        """
        template = copy.deepcopy(of_kind(self.resources, "Deployment")["spec"]["template"])
        spec = template["spec"]
        spec["restartPolicy"] = "OnFailure"
        ports = {port["name"]: port["containerPort"] for each in spec["containers"] for port in each.pop("ports", [])}
        for container in [*spec["initContainers"], *spec["containers"]]:
            if tag:
                container["image"] = f"{container['image'].rpartition(':')[0]}:{tag}"
            for wanted in (part["httpGet"] for part in container.values() if "httpGet" in part):
                wanted["port"] = ports[wanted["port"]]
        for volume in spec["volumes"]:
            if volume.get("emptyDir") is not None and volume["name"] == "model-store":
                del volume["emptyDir"]
                volume["hostPath"] = {"path": str(self._store(name)), "type": "Directory"}
            elif volume.pop("emptyDir", None) is not None:
                volume["persistentVolumeClaim"] = {"claimName": f"{name}-{volume['name']}"}
            elif secret := volume.pop("secret", None):
                volume["hostPath"] = {"path": str(self.folder / secret["secretName"]), "type": "Directory"}
            else:
                del volume["persistentVolumeClaim"]
                volume["hostPath"] = {"path": str(self.archives), "type": "Directory"}
        spec["hostAliases"] = [{"ip": address, "hostnames": [each]} for each, address in self.services.items()]
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "labels": template["metadata"]["labels"]},
            "spec": spec,
        }

    def _store(self, name: str) -> Path:
        """An empty folder for archives, which the pod may write, as ``fsGroup`` says; podman's volumes know none."""
        store = self.folder / f"{name}-store"
        store.mkdir()
        os.chown(store, 0, 10001)
        store.chmod(0o2775)
        return store


@contextmanager
def pods_network(cluster: Cluster) -> Iterator[None]:
    """The network of a cluster's pods; at its end no pod is left."""
    podman = cluster.images.podman
    podman("network", "create", cluster.network)
    try:
        yield
    finally:
        podman("pod", "rm", "--all", "--force")
        podman("network", "rm", "--force", cluster.network)


def add_key(folder: Path, name: str = "an-app") -> str:
    """Make an app's key; it lies in the file that the secret of keys is made from."""
    keys = folder / "emotions-keys"
    keys.mkdir(exist_ok=True)
    key = KeyFile(keys / "api_keys.json").add(name)
    as_fs_group(keys / "api_keys.json")
    return key


def as_fs_group(file: Path) -> None:
    """Let the pods' group read a file of a secret, as ``fsGroup`` does."""
    file.chmod(0o640)
    os.chown(file, 0, 10001)


def ask_pod(pod: Pod, model: str, key: str) -> requests.Response:
    """Ask a pod, under the name of the Service."""
    return requests.post(
        f"http://{pod.address}:8000/api/v1/predict",
        files={"file": ("frame.jpg", IMAGE)},
        data={"model": model},
        headers={"Host": "emotions", "X-API-Key": key},
        timeout=TIMEOUT,
    )


@dataclass
class Seen:
    """What the clients of a Service got: how many answers, those that are no 200, and connections that were lost."""

    answers: int = 0
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@contextmanager
def clients(cluster: Cluster, model: str, key: str, count: int = 8) -> Iterator[Seen]:
    """``count`` clients ask until the block ends, each time over a connection to any endpoint."""
    seen, over = Seen(), threading.Event()

    def ask() -> None:
        while not over.is_set():
            pod = random.choice(list(cluster.endpoints))
            try:
                answer = ask_pod(pod, model, key)
            except requests.ConnectionError as error:
                seen.lost.append(f"{pod.name}: {error}")
                continue
            seen.answers += 1
            if answer.status_code != 200:
                seen.refused.append(f"{pod.name}: {answer.status_code} {answer.text}")

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        over.set()
        for thread in threads:
            thread.join(60)
