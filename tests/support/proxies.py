"""An nginx alone, without TorchServe behind it."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import psutil

from scripts.processes import taken_ports, wait_until
from scripts.proxy import rendering
from scripts.settings import Settings, load_settings
from tests.support.ports import free_ports


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs, and its main process."""

    settings: Settings
    process: psutil.Process

    @property
    def url(self) -> str:
        return self.settings.url

    def log(self, name: str) -> str:
        """What one of its logs holds."""
        return (self.settings.log_dir / name).read_text(errors="replace")


@contextlib.contextmanager
def running_proxy(run_dir: Path, **environment: str) -> Generator[Proxy]:
    """Start a proxy on free ports, yield it, and stop it whatever happens."""
    names = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    settings = load_settings({"RUN_DIR": str(run_dir), **ports, **environment})
    rendering.render(settings)
    process = subprocess.Popen(rendering.command(settings), stderr=subprocess.DEVNULL, start_new_session=True)
    proxy = Proxy(settings, psutil.Process(process.pid))
    try:
        assert wait_until(lambda: bool(taken_ports([settings.port], settings.bind_address)), 10), proxy.log(
            "proxy-error.log"
        )
        yield proxy
    finally:
        process.terminate()
        process.wait(10)
