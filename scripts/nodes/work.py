"""Do something on several nodes at once, and know what was done when somebody interrupts it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any, TypeVar

from scripts.errors import UserError
from scripts.nodes.node import Node

T = TypeVar("T")
Tell = Callable[[str], None]
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_all(
    nodes: Sequence[Node], work: Callable[[Node], T], leaving: Event
) -> tuple[dict[Node, T], dict[Node, UserError]]:
    """Do something on all nodes at once: what came of it, and why it failed. Ctrl-C sets ``leaving`` and ends it."""
    answers: dict[Node, T] = {}
    failures: dict[Node, UserError] = {}
    with ThreadPoolExecutor(len(nodes) or 1) as threads:
        futures = {node: threads.submit(work, node) for node in nodes}
        try:
            for node, future in futures.items():
                try:
                    answers[node] = future.result()
                except UserError as error:
                    failures[node] = error
        except BaseException:
            leaving.set()
            raise
    return answers, failures


class Interruptions:
    """How often Ctrl-C was pressed while a block ran: the first one is only noted, the second sets ``leaving``."""

    def __init__(self, tell: Tell, leaving: Event) -> None:
        self._tell = tell
        self._leaving = leaving
        self.count = 0

    @contextmanager
    def noted(self) -> Generator[None]:
        """While the block runs, no signal ends it."""
        heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]  # not by nohup
        previous = {number: signal.signal(number, self._note) for number in heeded}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _note(self, *_: Any) -> None:
        self.count += 1
        if self.count > 1:
            self._leaving.set()
        else:
            self._tell("Interrupted: waiting for what is under way, to undo it; Ctrl-C again leaves it as it is")
