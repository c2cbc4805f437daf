"""An nginx of the tests' own, without TorchServe behind it or on that of a stack."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.processes import ProcessRecord, taken_ports, wait_until, write_records
from scripts.proxy import rendering
from scripts.settings import Settings, load_settings
from scripts.stack.guard import guarded
from tests.support.commands import run_command
from tests.support.ports import free_ports
from tests.support.stacks import RunningStack

WORKERS = 2  # templates/nginx.conf.j2


@dataclass(frozen=True)
class RunningProxy:
    """An nginx some test talks to. ``environment`` is what commands on it are given."""

    settings: Settings
    environment: dict[str, str]
    pid: int

    @property
    def url(self) -> str:
        return self.settings.url

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m scripts.<arguments>`` for this proxy."""
        return run_command(self.environment, *arguments)

    def log(self, name: str) -> str:
        """What one of its logs holds."""
        return (self.settings.log_dir / name).read_text(errors="replace")


@contextlib.contextmanager
def proxy_of(stack: RunningStack, run_dir: Path, **settings: str) -> Generator[RunningProxy]:
    """A second proxy before the TorchServe of a stack that runs, with settings of its own."""
    shutil.rmtree(run_dir, ignore_errors=True)
    run_dir.mkdir(parents=True)
    (run_dir / "torchserve").symlink_to(stack.settings.torchserve_dir)  # for TorchServe's keys
    with running_proxy(run_dir, {**stack.environment, **settings}) as running:
        yield running


@contextlib.contextmanager
def running_proxy(run_dir: Path, environment: dict[str, str]) -> Generator[RunningProxy]:
    """Start nginx on a free port in ``run_dir``, as a start of the stack does, and stop it at the end.

    Where ``environment`` does not say where TorchServe is, nothing is there.
    """
    names = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
    free = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    environment = {**free, **environment, "RUN_DIR": str(run_dir), "PORT": free["PORT"]}
    settings = load_settings(environment)
    rendering.render(settings)
    rendering.check(settings)
    process = subprocess.Popen(rendering.command(settings), stderr=subprocess.DEVNULL, start_new_session=True)
    running = RunningProxy(settings, environment, process.pid)
    with guarded(settings):
        yield from _running(running, process)


def _running(running: RunningProxy, process: subprocess.Popen[bytes]) -> Generator[RunningProxy]:
    settings = running.settings
    try:
        write_records(settings.run_dir / "stack.json", {"proxy": ProcessRecord.of(process.pid)})
        assert wait_until(lambda: _has_begun(running), 30), running.log("proxy-error.log")
        yield running
    finally:
        process.terminate()
        process.wait(10)


def _has_begun(running: RunningProxy) -> bool:
    """Whether it listens, and has its workers, which come a moment later."""
    listens = bool(taken_ports([running.settings.port], running.settings.bind_address))
    return listens and len(psutil.Process(running.pid).children()) == WORKERS
