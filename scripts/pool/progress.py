"""Show the progress of a build: a line for each model, moving in a terminal, plain text or nothing elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

ARCHIVE_STAGES = ("reading", "converting", "quantising", "comparing", "packing", "checking")
STAND_IN_STAGES = ("making", "writing")


class BuildProgress:
    """The progress of several models through the same stages; use as a context manager."""

    def __init__(self, console: Console, names: list[str], stages: tuple[str, ...], *, lines: bool) -> None:
        """``lines``: print one for each model where nothing moves, unless something tells the outcome later."""
        self._console, self._stages, self._lines = console, stages, lines
        self._started: dict[str, float] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text=" "),
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[stage]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._rows: dict[str, TaskID] = {
            name: self._progress.add_task(name, total=len(stages), start=False, stage="waiting") for name in names
        }

    def __enter__(self) -> BuildProgress:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def stage(self, name: str, stage: str) -> None:
        """The model entered a stage."""
        if name not in self._started:
            self._started[name] = time.monotonic()
            self._progress.start_task(self._rows[name])
        self._progress.update(self._rows[name], completed=self._stages.index(stage), stage=stage)

    def seconds(self, name: str) -> float:
        """Seconds since the model's first stage."""
        return time.monotonic() - self._started.get(name, time.monotonic())

    def finished(self, outcome: str, name: str) -> None:
        """The model is done with."""
        self._progress.update(self._rows[name], completed=len(self._stages), stage=outcome)
        self._progress.stop_task(self._rows[name])
        if self._lines and not self._console.is_terminal:
            self._console.print(f"{name}: {outcome} after {self.seconds(name):.0f} s")
