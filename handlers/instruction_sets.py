"""Whether this processor computes as the one did on which an archive of fewer bits was compared with float32."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CPU = Path("/proc/cpuinfo")
_FLAGS = re.compile(r"^(?:flags|Features)\s*:(.*)$", re.MULTILINE)  # x86's line, Arm's line


def warning(description: Mapping[str, Any], cpu: Path = CPU) -> str | None:
    """What to tell of an archive whose ``model.json`` is ``description``; None if there is nothing to tell."""
    proof = description.get("proof")
    if not proof:
        return None
    try:
        found = _FLAGS.search(cpu.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None
    present = set(found[1].split()) if found else set()
    missing = [name for name in proof["instruction_sets"] if name not in present]
    if not missing:
        return None
    return (
        f"{description['model']} was compared with float32 on a processor that has {', '.join(missing)}; this one has "
        f"not, so it gains less in {description['precision']} and may answer otherwise: build it here, or in float32"
    )
