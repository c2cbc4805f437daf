"""An nginx alone, without TorchServe behind it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import psutil
import pytest

from scripts.processes import taken_ports, wait_until
from scripts.proxy import rendering
from scripts.settings import load_settings
from tests.support.ports import free_ports


@pytest.fixture(scope="package")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, psutil.Process]]:
    """A proxy without TorchServe behind it: its address and its main process."""
    (port,) = free_ports(1)
    run_dir = tmp_path_factory.mktemp("forms")
    settings = load_settings({"RUN_DIR": str(run_dir), "PORT": str(port), "RATE_LIMIT": "0"})
    rendering.render(settings)
    process = subprocess.Popen(rendering.command(settings), stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: bool(taken_ports([port], settings.bind_address)), 10), (
            settings.log_dir / "proxy-error.log"
        ).read_text()
        yield settings.url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="package")
def url(proxy: tuple[str, psutil.Process]) -> str:
    """The address forms are sent to."""
    return f"{proxy[0]}/api/v1/predict"
