"""How much memory there is, and how many workers it holds."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from scripts import cgroup, memory
from scripts.settings import ROOT, load_settings


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    return tmp_path


def test_without_a_limit_it_is_the_machines(group: Path) -> None:
    assert memory.memory_limit() == psutil.virtual_memory().total
    (group / "memory.max").write_text("max\n")
    assert memory.memory_limit() == psutil.virtual_memory().total
    assert 0 < memory.memory_left() < memory.memory_limit()


def test_a_containers_limit_counts_and_what_it_uses_is_not_left(group: Path) -> None:
    (group / "memory.max").write_text("800000000\n")
    (group / "memory.current").write_text("799999000\n")
    assert memory.memory_limit() == 800_000_000
    assert memory.memory_left() == 1000


def test_workers_are_as_many_as_fit_but_one_for_each_model(group: Path) -> None:
    models = len(json.loads((ROOT / "models.json").read_text()))
    (group / "memory.max").write_text("1000000000")
    assert memory.max_workers(load_settings({})) == models
    (group / "memory.max").write_text("8000000000")
    assert memory.max_workers(load_settings({})) == 20
    assert memory.max_workers(load_settings({"MAX_WORKERS": "3"})) == 3
