"""Containers of the proxy have the memory that it may take (docs/containers.md)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.settings import ROOT

BASE = ROOT / "deploy" / "kubernetes" / "base"
BALANCER = ROOT / "deploy" / "kubernetes" / "overlays" / "pools" / "balancer"
NJS = ROOT / "proxy" / "njs"
MIB = 2**20
# What the proxy takes besides, MiB.
OTHERS = 100


def constant(script: str, name: str) -> float:
    """A number at the head of a script."""
    found = re.search(rf"^const {name} = ([0-9.]+);", (NJS / script).read_text(encoding="utf-8"), re.MULTILINE)
    assert found, name
    return float(found[1])


def of_compose() -> tuple[str, str]:
    """The limit of the proxy's container, and BODY_MEMORY."""
    stack = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
    default = re.fullmatch(r"\$\{BODY_MEMORY:-(\d+)\}", stack["services"]["proxy"]["environment"]["BODY_MEMORY"])
    assert default
    return stack["services"]["proxy"]["deploy"]["resources"]["limits"]["memory"], default[1]


def of_kubernetes(folder: Path) -> tuple[str, str]:
    """The same of the pods of a Deployment."""
    deployment: dict[str, Any] = yaml.safe_load((folder / "deployment.yaml").read_text(encoding="utf-8"))
    containers = deployment["spec"]["template"]["spec"]["containers"]
    (limit,) = (one["resources"]["limits"]["memory"] for one in containers if one["name"] == "proxy")
    given = re.search(r"^BODY_MEMORY=(\d+)$", (folder / "settings.env").read_text(encoding="utf-8"), re.MULTILINE)
    assert given
    return limit, given[1]


@pytest.mark.parametrize("where", ["compose", "pod", "balancer"])
def test_a_container_holds_bodies_small_ones_beyond_them_and_pictures_to_compare(where: str) -> None:
    limit, body_memory = of_compose() if where == "compose" else of_kubernetes(BASE if where == "pod" else BALANCER)
    bodies = int(body_memory) * (1 + constant("http/bodies.js", "FOR_SMALL"))
    compared = 2 * constant("trials/jobs.js", "MAX_BYTES") / MIB
    assert bodies + compared + OTHERS <= int(re.sub(r"Mi?$", "", limit))
