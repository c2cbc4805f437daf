"""nginx's error log, which nginx itself lets grow."""

from __future__ import annotations

from pathlib import Path

from scripts.settings import Settings

LARGE_BYTES = 20 * 2**20


def path(settings: Settings) -> Path:
    """Where it lies."""
    return settings.log_dir / "proxy-error.log"


def put_aside(settings: Settings) -> bool:
    """Rename a log that has grown large; whether it was. An nginx that runs goes on with it until SIGUSR1."""
    log = path(settings)
    if is_large := log.exists() and log.stat().st_size > LARGE_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    return is_large
