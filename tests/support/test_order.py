"""The files are in an order in which no process waits long for the last one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from tests.support.order import LONG, TESTS, put_in_order


def test_the_files_that_take_long_are_files() -> None:
    assert [name for name in LONG if not (TESTS / name).is_file()] == []


def test_the_longest_are_at_the_ends() -> None:
    names = ("contract/test_cors.py", "ground/test_files.py", "contract/test_predict.py", "monitoring/test_alerts.py")
    items = [SimpleNamespace(path=TESTS / name) for name in names for _ in range(2)]
    shared = {item.path for item in items if item.path.parent.name == "contract"}
    put_in_order(cast(list[Any], items), cast(set[Path], shared))
    assert [item.path.stem for item in items[::2]] == ["test_alerts", "test_files", "test_cors", "test_predict"]
    assert [item.path for item in items[::2]] == [item.path for item in items[1::2]]
