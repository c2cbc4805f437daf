"""Child processes that do one job after the other: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from scripts.bench import BenchError
from scripts.settings import ROOT

Job = dict[str, Any]


class Child:
    """A module of the benchmark in a process of its own, for the length of a ``with`` block."""

    def __init__(self, module: str, log: Path) -> None:
        self._name = module.rpartition(".")[2]
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT / "handlers")},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )

    def ask(self, job: Job) -> Job:
        """Have one job done. Raises BenchError when the process ends instead of answering."""
        if self._process.stdin is None or self._process.stdout is None:
            raise BenchError(f"{self._name}: started without pipes")
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            answer: Job = json.loads(self._process.stdout.readline())
        except (BrokenPipeError, ValueError) as error:
            raise BenchError(f"{self._name}: ended in the middle of a job; see {self._log}") from error
        return answer

    def __enter__(self) -> Child:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()


def serve_jobs(work: Callable[[Job], Job]) -> int:
    """Be such a process: answer each line of standard input. Returns the exit status."""
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), flush=True)
    return 0
