"""The memory of this machine, or of the container if that is limited, and how many workers it holds.

https://www.kernel.org/doc/html/latest/admin-guide/cgroup-v2.html#memory-interface-files
"""

from __future__ import annotations

from pathlib import Path

import psutil

from scripts.catalogue import load_catalogue
from scripts.settings import Settings

CGROUP = Path("/sys/fs/cgroup")
# A worker's own memory, beside the weights that the workers of a model share, while it decodes an image of the
# largest size (MAX_DECODE_MEMORY).
WORKER_BYTES = 400_000_000


def memory_limit() -> int:
    """How much there is, in bytes."""
    return min(psutil.virtual_memory().total, _read("memory.max") or 1 << 62)


def memory_left() -> int:
    """How much may still be used, in bytes."""
    available = psutil.virtual_memory().available
    limit = _read("memory.max")
    return min(available, limit - (_read("memory.current") or 0)) if limit else available


def max_workers(settings: Settings) -> int:
    """How many workers of all models together may run: MAX_WORKERS, or as many as fit into memory.

    Each model of the catalogue may have one in any case.
    """
    fitting = memory_limit() // WORKER_BYTES
    return settings.max_workers or max(fitting, len(load_catalogue(settings.catalogue)))


def _read(name: str) -> int | None:
    """A number of bytes; None where it is not told, or is no limit ("max")."""
    try:
        text = (CGROUP / name).read_text(encoding="ascii").strip()
    except OSError:
        return None
    return int(text) if text.isdigit() else None
