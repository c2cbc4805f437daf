"""What the supervisor itself meets, and goes on after: no thread of it ends unnoticed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psutil
from rich.console import Console

from scripts.settings import load_settings
from scripts.stack.probe import Probe
from scripts.stack.stack import Stack
from scripts.stack.supervisor import Supervisor, _Watch
from tests.support.polling import poll


def _repeated(supervisor: Supervisor, work: Callable[[], None], reached: Callable[[], bool]) -> None:
    """Let it work as its threads do, until ``reached``."""
    thread = threading.Thread(target=supervisor._repeat, args=(0.01, work))
    thread.start()
    try:
        poll(reached)
        assert thread.is_alive()
    finally:
        supervisor._ending.set()
        thread.join()


def test_an_index_that_is_broken_is_told_and_torchserve_tried_again(tmp_path: Path) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path)})
    settings.index_file.write_text("{")
    said: list[str] = []
    stack = Stack(settings, Console(quiet=True))
    stack.record_file.parent.mkdir()
    stack.record_file.write_text("{}")
    supervisor = Supervisor(stack, 1, said.append)
    watch = _Watch("torchserve", Probe(settings, "torchserve"))

    def failures() -> list[str]:
        return [line for line in said if line.startswith("torchserve was not brought back: ")]

    _repeated(supervisor, partial(supervisor._watch, watch), lambda: len(failures()) == 2)
    assert f"{settings.index_file} cannot be read" in failures()[0]
    assert "torchserve has ended by itself; it is started again in 1 s" in said


def test_a_fault_is_told_once_until_another_one_comes(tmp_path: Path) -> None:
    said: list[str] = []
    supervisor = Supervisor(Stack(load_settings({"RUN_DIR": str(tmp_path)}), Console(quiet=True)), 1, said.append)
    faults = iter([ValueError("a"), ValueError("a"), psutil.NoSuchProcess(1), None, psutil.NoSuchProcess(1)])

    def work() -> None:
        if fault := next(faults, None):
            raise fault

    _repeated(supervisor, work, lambda: len(said) == 3)
    begin = "the supervisor goes on after a fault: "
    assert said == [f"{begin}ValueError: a", *[f"{begin}NoSuchProcess: process no longer exists (pid=1)"] * 2]
