"""podman, and the images that it runs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.images.stand_ins import run
from tests.support.version import project_version

NEXT = "next"
"""A further tag of both images, as of a new version."""


@dataclass(frozen=True)
class Images:
    """The images by their names, and what podman and buildah are told."""

    environment: dict[str, str]
    torchserve: str = f"localhost/emotion-torchserve:{project_version()}"
    proxy: str = f"localhost/emotion-proxy:{project_version()}"

    def podman(self, *arguments: str | Path, seconds: float = 120) -> str:
        return run("podman", *arguments, environment=self.environment, seconds=seconds)

    def logs(self, container: str) -> str:
        """What a container printed, on either of its outputs."""
        return run("sh", "-c", 'podman logs "$0" 2>&1', container, environment=self.environment)
