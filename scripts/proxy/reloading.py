"""Let the running proxy load its certificates anew, while it serves."""

from __future__ import annotations

import json
import os
import signal
import ssl
from contextlib import suppress
from pathlib import Path

import psutil

from scripts.processes import wait_until
from scripts.proxy.certificates import Pair, check, first
from scripts.proxy.rendering import LISTENERS_FILE, ProxyError
from scripts.proxy.rendering import check as check_configuration
from scripts.settings import Settings

SECONDS = 30.0
_SHUTTING_DOWN = "nginx: worker process is shutting down"


def reload(settings: Settings, main_process: int) -> dict[str, Pair]:
    """Let nginx, whose main process is given, load the files it was started with again.

    Returns, once all new connections get it, what each address with TLS answers with. Processes with requests under
    way end them first. Raises CertificateError or ProxyError, and then the old certificates serve on.
    """
    loaded = _loaded(settings)
    for pair in loaded.values():
        check(pair)
    check_configuration(settings)
    wanted = {
        address: first(pair.certificate.read_text(encoding="ascii", errors="replace"))
        for address, pair in loaded.items()
    }
    before = _workers(main_process)
    os.kill(main_process, signal.SIGHUP)
    if not wait_until(lambda: _has_changed(main_process, before, wanted), SECONDS):
        raise ProxyError(
            f"the proxy has not loaded its files within {SECONDS:.0f} s; see {settings.log_dir}/proxy-error.log"
        )
    return loaded


def _loaded(settings: Settings) -> dict[str, Pair]:
    """What the proxy was told to load at its start: the environment of this command may lack it."""
    path = settings.run_dir / "nginx" / LISTENERS_FILE
    try:
        listeners = json.loads(path.read_text(encoding="utf-8"))
        return {
            address: Pair(Path(pair["certificate"]), Path(pair["key"]), pair["prefix"])
            for address, pair in listeners.items()
        }
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise ProxyError(f"{path}: cannot be read; start the stack anew, with `make stop` and `make start`") from error


def _workers(main_process: int) -> set[psutil.Process]:
    """nginx's processes that take new connections."""
    workers = set()
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(main_process).children():
            with suppress(psutil.NoSuchProcess):
                if _SHUTTING_DOWN not in " ".join(process.cmdline()):
                    workers.add(process)
    return workers


def _has_changed(main_process: int, before: set[psutil.Process], wanted: dict[str, str]) -> bool:
    now = _workers(main_process)
    return bool(now) and not now & before and all(_serves(address, pem) for address, pem in wanted.items())


def _serves(address: str, pem: str) -> bool:
    """Whether this very certificate is served; nothing else of it matters here, so that nothing else is verified."""
    host, _, port = address.rpartition(":")
    try:
        served = ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=5)
    except OSError:
        return False
    return ssl.PEM_cert_to_DER_cert(served) == ssl.PEM_cert_to_DER_cert(pem)
