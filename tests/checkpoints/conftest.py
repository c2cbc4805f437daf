"""Files that torch has written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.checkpoints.saved import NAME


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], Path]:
    """Save an object with torch and return the file."""

    def save(content: Any) -> Path:
        torch.save(content, tmp_path / NAME)
        return tmp_path / NAME

    return save
