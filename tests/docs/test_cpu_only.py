"""What README says of a set-up without CUDA: pip takes PyTorch's build for the CPU where an index has one."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from packaging.requirements import Requirement

from scripts.settings import ROOT

LIST = ROOT / "requirements.txt"


def pinned(name: str) -> str:
    """The version of a package that the set-up installs."""
    (line,) = [line for line in LIST.read_text().splitlines() if line.startswith(f"{name}==")]
    (version,) = Requirement(line.partition("#")[0]).specifier
    return version.version


def add_package(index: Path, name: str, version: str, *requires: str) -> None:
    """Put a package without content into an index of PEP 503."""
    metadata = "".join(
        f"{line}\n" for line in ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *requires)
    )
    wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder, info = index / name, f"{name}-{version}.dist-info"
    folder.mkdir(parents=True, exist_ok=True)
    file = f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(folder / file, "w") as archive:
        record = ""
        for part, text in (("METADATA", metadata), ("WHEEL", wheel)):
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
            record += f"{info}/{part},sha256={digest},{len(text)}\n"
            archive.writestr(f"{info}/{part}", text)
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    page = folder / "index.html"
    page.write_text((page.read_text() if page.exists() else "") + f'<a href="{file.replace("+", "%2B")}">{file}</a>\n')


def test_an_index_with_builds_for_the_cpu_brings_no_cuda(tmp_path: Path) -> None:
    """A version with a local part comes before one without, and PyPI has none with one. https://peps.python.org/pep-0440"""
    version = pinned("torch")
    add_package(tmp_path / "pypi", "torch", version, "Requires-Dist: cuda")
    add_package(tmp_path / "pypi", "cuda", "13.0")
    add_package(tmp_path / "cpu", "torch", f"{version}+cpu")

    def chosen(**settings: str) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": (tmp_path / "pypi").as_uri(), "PIP_NO_CACHE_DIR": "1"}
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--report",
            "-",
        ]
        said = subprocess.run(
            [*command, f"torch=={version}"],
            env={**own, **index, **settings},
            capture_output=True,
            text=True,
            check=True,
        )
        packages = [package["metadata"] for package in json.loads(said.stdout)["install"]]
        return {package["name"]: package["version"] for package in packages}

    assert chosen() == {"torch": version, "cuda": "13.0"}
    assert chosen(PIP_EXTRA_INDEX_URL=(tmp_path / "cpu").as_uri()) == {"torch": f"{version}+cpu"}


def test_make_leaves_pips_choice_of_an_index_as_it_is(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text(f"include {ROOT}/Makefile\nshown: ; @echo $$PIP_EXTRA_INDEX_URL\n")
    own = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    shown = subprocess.run(
        ["make", "-f", rules, "shown"],
        env={**own, "PIP_EXTRA_INDEX_URL": "https://index.example/cpu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown.stdout == "https://index.example/cpu\n"
