"""A handler that has loaded a small model."""

from __future__ import annotations

from pathlib import Path

import pytest
from emotion_handler import EmotionHandler

from tests.handlers.asking import context
from tests.support.unpacked_archive import unpack


@pytest.fixture(scope="package")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    unpack(folder, "openvino")
    return folder


@pytest.fixture(scope="package")
def handler(model_dir: Path) -> EmotionHandler:
    handler = EmotionHandler()
    handler.initialize(context(model_dir))
    return handler
