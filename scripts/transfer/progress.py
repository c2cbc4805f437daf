"""How far a transfer is: a bar in a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn


class TransferProgress:
    """Shows transfers on a console, one at a time."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def whole(self, what: str, size: int, done: int = 0) -> Iterator[Callable[[int], None]]:
        """Show a transfer of ``size`` bytes, ``done`` of which are there; yields what hears of more."""
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=16), DownloadColumn())
        progress = Progress(
            *columns,
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        with progress:
            task = progress.add_task(what, total=size, completed=done)
            yield lambda more: progress.update(task, advance=more)
