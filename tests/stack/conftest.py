"""Settings of a stack of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.settings import Settings, load_settings
from tests.stack.restored import CATALOGUE, write_archive


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path)})
    for model in CATALOGUE.values():
        write_archive(tmp_path / model.archive_file, "1.0")
    return made
