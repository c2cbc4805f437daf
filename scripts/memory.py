"""The memory of this machine, or of the container if that is limited, and how many workers it holds."""

from __future__ import annotations

import psutil

from scripts.catalogue import load_catalogue
from scripts.cgroup import memory_group
from scripts.settings import Settings

# A worker's own memory, beside the weights that the workers of a model share, while it decodes an image of the
# largest size (MAX_DECODE_MEMORY).
WORKER_BYTES = 400_000_000
MOST_BODY_BYTES = 2 * 2**30


def memory_limit() -> int:
    """How much there is, in bytes."""
    group, total = memory_group(), psutil.virtual_memory().total
    return min(total, group.limit) if group else total


def memory_left() -> int:
    """How much may still be used, in bytes."""
    group, available = memory_group(), psutil.virtual_memory().available
    return min(available, group.limit - group.use) if group else available


def body_memory(settings: Settings) -> int:
    """What the bodies of requests may take in the proxy, in bytes: BODY_MEMORY, or a quarter of all, 2 GiB at most."""
    return settings.body_memory * 2**20 or min(MOST_BODY_BYTES, memory_limit() // 4)


def max_workers(settings: Settings) -> int:
    """How many workers of all models together may run: MAX_WORKERS, or as many as fit into memory.

    Each model of the catalogue may have one in any case.
    """
    fitting = memory_limit() // WORKER_BYTES
    return settings.max_workers or max(fitting, len(load_catalogue(settings.catalogue)))
