"""TorchServe in a container of its own, as far as that is seen without one."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from scripts.settings import load_settings
from scripts.stack import containers
from scripts.stack.stack import Stack
from scripts.stack.supervision import read_supervision
from tests.support.polling import poll


def test_the_supervisor_gives_signs_of_life_from_the_first_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proxy's container does not see its process. A start takes longer than such a sign counts."""
    settings = load_settings({"RUN_DIR": str(tmp_path)})
    file = settings.supervision_file

    def start(_: Stack) -> int:
        said = read_supervision(settings)
        assert said
        assert said.parts["torchserve"].state == "starting"
        first = file.stat().st_mtime_ns
        poll(lambda: file.stat().st_mtime_ns, lambda changed: changed > first)
        return 0

    monkeypatch.setattr(containers, "serve_stack", start)
    assert containers.torchserve(settings, Console(file=io.StringIO())) == 0
    assert not file.exists()
