"""KServe's custom resources as its own Python package describes them, compared with a manifest without installing it.

The package's ``kserve/models`` are made from the schemas of the resources, a class each, whose ``openapi_types`` and
``attribute_map`` say which fields there are. They are read as literals; its dependencies are many.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from scripts.settings import ROOT

REQUIREMENTS = ROOT / "requirements" / "kserve.txt"
_SIMPLE = {"str": str, "int": int, "bool": bool, "object": dict}


def fetch(folder: Path) -> Path:
    """The package, which pip compares with its digest."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--no-cache-dir"]
    command += ["--requirement", str(REQUIREMENTS), "--dest", str(folder)]
    subprocess.run(command, check=True, timeout=120)
    (wheel,) = folder.glob("kserve-*.whl")
    return wheel


class Models:
    """The classes of a package, by name."""

    def __init__(self, wheel: Path) -> None:
        self._wheel = zipfile.ZipFile(wheel)
        self._read = cache(self._fields)

    def problems(self, value: Any, kind: str, place: str = "") -> Iterator[str]:
        """What is wrong with a value of a type; the types of Kubernetes' own are not looked into."""
        if inner := re.fullmatch(r"list\[(.+)\]", kind):
            yield from self._in_list(value, inner[1], place)
        elif inner := re.fullmatch(r"dict\(str, (.+)\)", kind):
            yield from self._in_dict(value, inner[1], place)
        elif kind in _SIMPLE:
            if type(value) is not _SIMPLE[kind]:
                yield f"{place}: {value!r} is no {kind}"
        elif fields := self._read(kind):
            yield from self._in_object(value, fields, kind, place)

    def _in_list(self, value: Any, kind: str, place: str) -> Iterator[str]:
        if not isinstance(value, list):
            yield f"{place}: {value!r} is no list"
            return
        for index, item in enumerate(value):
            yield from self.problems(item, kind, f"{place}[{index}]")

    def _in_dict(self, value: Any, kind: str, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} has no names"
            return
        for name, item in value.items():
            yield from self.problems(item, kind, f"{place}.{name}")

    def _in_object(self, value: Any, fields: dict[str, str], kind: str, place: str) -> Iterator[str]:
        if not isinstance(value, dict):
            yield f"{place}: {value!r} is no {kind}"
            return
        for name, item in value.items():
            if name in fields:
                yield from self.problems(item, fields[name], f"{place}.{name}")
            else:
                yield f"{place}.{name}: {kind} has no such field"

    def _fields(self, kind: str) -> dict[str, str]:
        """The types of a class' fields by their names in manifests; none for what the package does not describe."""
        file = f"kserve/models/{re.sub(r'(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '_', kind).lower()}.py"
        if file not in self._wheel.namelist():
            return {}
        tree = ast.parse(self._wheel.read(file))
        (model,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
        literals = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in model.body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        return {name: literals["openapi_types"][field] for field, name in literals["attribute_map"].items()}
