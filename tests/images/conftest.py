"""Both images, built on stand-ins of their bases and run as a pod: non-root, on a read-only root, with limits."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.images import stand_ins
from tests.images.engine import NEXT, Images
from tests.images.stand_ins import run
from tests.support.places import TEST_DIR
from tests.support.polling import poll

FOLDER = TEST_DIR / "images"
SETTINGS = {
    "BIND_ADDRESS": "0.0.0.0",
    "ALLOW_ANONYMOUS": "1",
    "SERVER_NAMES": "all",
    "STAND_INS": "allowed",
    "CLIENT_REQUESTS": "0",
    "MAX_WORKERS": "9",
}
HARDENED = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"]


@dataclass(frozen=True)
class Pod:
    """The two containers, and where the proxy listens."""

    images: Images
    url: str
    torchserve: str
    proxy: str

    def inside(self, container: str, *command: str) -> str:
        return self.images.podman("exec", container, *command)


@pytest.fixture(scope="session")
def images() -> Iterator[Images]:
    if reason := stand_ins.lacking():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"images cannot be built here: {reason}")
    store = FOLDER / "store"
    store.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix="images-"))  # podman takes no long path for its sockets
    environment = stand_ins.engine_environment(store, temporary)
    try:
        stand_ins.import_bases(FOLDER, environment)
        _build(environment, stand_ins.wheels(FOLDER / "wheels"))
        images = Images(environment)
        for image in (images.torchserve, images.proxy):
            images.podman("tag", image, f"{image.rpartition(':')[0]}:{NEXT}")
        yield images
    finally:
        for command in (["pod", "rm", "--all", "--force"], ["system", "reset", "--force"]):
            subprocess.run(["podman", *command], env=environment, capture_output=True, check=False, timeout=120)
        shutil.rmtree(store, ignore_errors=True)
        shutil.rmtree(temporary, ignore_errors=True)


def _build(environment: dict[str, str], wheels: Path) -> None:
    options = "--pull-never --layers=false --build-arg PIP_NO_INDEX=1 --build-arg PIP_FIND_LINKS=/wheels"
    started = time.monotonic()
    options += f" --volume {wheels}:/wheels:ro"
    run("make", "images", "ENGINE=buildah", f"IMAGE_OPTIONS={options}", environment=environment)
    print(f"\nboth images built in {time.monotonic() - started:.0f} s")


@pytest.fixture(scope="session")
def pod(images: Images, archives: Path) -> Pod:
    podman, name = images.podman, "emotions"
    settings = [text for key, value in SETTINGS.items() for text in ("--env", f"{key}={value}")]
    places = ["--volume", f"{name}:/run/emotions", "--volume", f"{archives}:/opt/emotions/model_store:ro"]
    run_options = ["--detach", *HARDENED, "--pod", name, *settings, *places]
    podman("pod", "create", "--name", name)
    podman("run", "--rm", *HARDENED, "--network", "none", *settings, *places, images.torchserve, "configure")
    started = time.monotonic()
    served = podman("run", *run_options, "--tmpfs", "/tmp", "--cpus", "2", "--memory", "5g", images.torchserve)
    proxy = podman("run", *run_options, "--cpus", "1", "--memory", "128m", images.proxy)
    infra = podman("pod", "inspect", name, "--format", "{{.InfraContainerID}}")
    address = podman("inspect", infra, "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}")
    running = Pod(images, f"http://{address}:8000", served, proxy)
    try:
        poll(lambda: _is_ready(running.url), seconds=120)
    except BaseException:
        print(podman("logs", served), podman("logs", proxy))
        raise
    print(f"nine READY after {time.monotonic() - started:.1f} s")
    return running


def _is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/api/v1/health/ready", timeout=5).status_code == 200
    except requests.RequestException:
        return False
