"""How many processors a worker may keep busy."""

from __future__ import annotations

import os
from collections.abc import Mapping


def available_cpus(environment: Mapping[str, str]) -> int:
    """``CPUS``, which whoever starts TorchServe sets, or else all that this process may run on."""
    given = environment.get("CPUS", "")
    return max(1, int(given)) if given.isdigit() else len(os.sched_getaffinity(0))
