"""Stand-ins for the official base images, where no registry can be reached: made from Debian's packages by mmdebstrap,
and imported under the names that deploy/images/versions.env has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.settings import ROOT

PROGRAMS = ("mmdebstrap", "buildah", "podman", "runc")
MIRROR = "http://deb.debian.org/debian"
# As in Debian's own images for containers.
SLIM = [f"--dpkgopt=path-exclude=/usr/share/{folder}/*" for folder in ("doc", "info", "locale", "man")]
# forky is not released yet, and what signs it may have expired; Debian 13's njs 0.8.9 is too old.
BASES = {
    "NGINX_IMAGE": [
        "--variant=essential",
        "--include=nginx-light,libnginx-mod-http-js,curl",
        '--aptopt=Acquire::Check-Valid-Until "false"',
        "forky",
    ],
    "PYTHON_IMAGE": ["--variant=minbase", "--include=python3,python3-venv,ca-certificates", "bookworm"],
}


def lacking() -> str:
    """Why images cannot be built and run here; empty if they can."""
    if os.geteuid() != 0:
        return "it needs root"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"not installed: {', '.join(missing)}" if missing else ""


def versions() -> dict[str, str]:
    """The pinned images by the name of their build argument."""
    lines = (ROOT / "deploy" / "images" / "versions.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def engine_environment(store: Path, temporary: Path) -> dict[str, str]:
    """What podman and buildah are told, so that they keep all in ``store`` and ``temporary``."""
    kind = subprocess.run(["stat", "-f", "-c", "%T", store], capture_output=True, text=True, check=True).stdout
    driver = "vfs" if "overlay" in kind else "overlay"  # one overlay does not lie on another
    containers, storage = temporary / "containers.conf", temporary / "storage.conf"
    # runc, and limits below the machine's: they work with cgroups of both versions.
    containers.write_text(
        '[containers]\ndefault_ulimits=["nofile=1024:1024","nproc=1024:1024"]\n[engine]\nruntime="runc"\n'
        f'cgroup_manager="cgroupfs"\nevents_logger="file"\ntmp_dir="{temporary}/libpod"\n'
    )
    storage.write_text(f'[storage]\ndriver="{driver}"\ngraphroot="{store}"\nrunroot="{temporary}/run"\n')
    own = {"CONTAINERS_CONF": str(containers), "CONTAINERS_STORAGE_CONF": str(storage), "BUILDAH_ISOLATION": "chroot"}
    return {**os.environ, **own}


def import_bases(folder: Path, environment: dict[str, str]) -> None:
    """Make the stand-ins, kept in ``folder`` between runs, and import them."""
    for name, arguments in BASES.items():
        archive = folder / f"{name}.tar"
        if not archive.exists():
            made = archive.with_suffix(".part.tar")
            *options, suite = arguments
            run("mmdebstrap", "--quiet", *options, *SLIM, suite, made, MIRROR)
            made.rename(archive)
        run("podman", "import", "--quiet", archive, versions()[name], environment=environment)


def wheels(folder: Path) -> Path:
    """A folder with the wheels of a host that serves and pulls its archives, kept between runs."""
    run(sys.executable, "-m", "pip", "download", "--quiet", "-d", folder, "-r", ROOT / "requirements" / "transfer.txt")
    return folder


def run(*command: str | Path, environment: dict[str, str] | None = None, seconds: float = 600) -> str:
    """What a command prints; fails with what it said."""
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout.strip()
