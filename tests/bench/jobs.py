"""The model that is measured, and the generator's jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MODEL = "MobileNetV2_FER2013"


def job(port: int, *requests: Path, clients: int = 1, seconds: float = 0, rounds: int = 1) -> dict[str, Any]:
    paths = [str(path) for path in requests]
    return {"port": port, "requests": paths, "clients": clients, "seconds": seconds, "rounds": rounds}
