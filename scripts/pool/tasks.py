"""Run slow tasks in a few processes of their own.

Each worker process (``scripts.pool.worker``) leads a session: Ctrl-C reaches only this process, which then ends
them with everything they started. Its standard input stays open as long as this process runs: when this process
dies, however it does, the worker reads end-of-file there and ends itself and its children.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from scripts.cgroup import available_cpus
from scripts.child_environment import child_environment
from scripts.memory import memory_left
from scripts.settings import ROOT, Settings

Report = Callable[[str], None]
Finished = Callable[[str, "dict[str, Any] | None", "str | None"], None]

# Bytes that a worker needs beyond its checkpoint: torch, torchvision and OpenVINO, and one conversion's work.
_BASE_MEMORY = 1_200_000_000
_COPIES = 3


@dataclass(frozen=True)
class Task:
    """One piece of work.

    ``function`` is what the worker calls with ``order`` and a Report, as ``module:name``; what it returns is the
    result. ``weight`` is the size in bytes of the checkpoint that it works on.
    """

    function: str
    name: str
    order: dict[str, Any]
    weight: int = 0


def default_workers(tasks: Sequence[Task]) -> int:
    """As many workers as there are cores and memory for, at least one."""
    need = _BASE_MEMORY + _COPIES * max((task.weight for task in tasks), default=0)
    return max(1, min(len(tasks), available_cpus(), memory_left() // need))


def run_tasks(
    tasks: Sequence[Task],
    settings: Settings,
    *,
    finished: Finished,
    stage: Callable[[str, str], None] = lambda name, text: None,
    workers: int | None = None,
    temporary: Path | None = None,
) -> None:
    """Run all tasks, the heaviest first, and return when the last is done.

    ``stage(name, text)`` and ``finished(name, result, error)`` are called in this thread; ``error`` is a message.
    What the workers print goes to ``build.log``; ``temporary`` is their TMPDIR.
    """
    waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
    for task in sorted(tasks, key=lambda task: -task.weight):
        waiting.put(task)
    count = max(1, min(workers or default_workers(tasks), len(tasks)))
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    with (settings.log_dir / "build.log").open("wb") as log:
        pool = [_Worker(waiting, log.fileno(), _environment(count, temporary)) for _ in range(count)]
        events: queue.SimpleQueue[tuple[str, ...] | None] = queue.SimpleQueue()
        threads = [threading.Thread(target=worker.run, args=(events,), daemon=True) for worker in pool]
        try:
            for thread in threads:
                thread.start()
            _deliver(events, len(threads), stage, finished)
        finally:
            for worker in pool:
                worker.kill()
            for thread in threads:
                thread.join()


def _deliver(
    events: queue.SimpleQueue[Any], running: int, stage: Callable[[str, str], None], finished: Finished
) -> None:
    while running:
        event = events.get()
        if event is None:
            running -= 1
        elif event[0] == "stage":
            stage(event[1], event[2])
        else:
            finished(event[1], event[2], event[3])


class _Worker:
    """One worker process and the thread that feeds it; a process that dies is replaced for the next task."""

    def __init__(self, waiting: queue.SimpleQueue[Task], log: int, environment: dict[str, str]) -> None:
        self._waiting, self._log, self._environment = waiting, log, environment
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._closed = False

    def run(self, events: queue.SimpleQueue[Any]) -> None:
        """Work until no task is left; then put None."""
        try:
            while not self._closed:
                task = self._waiting.get_nowait()
                events.put(("finished", task.name, *self._work(task, events)))
        except queue.Empty:
            pass
        finally:
            events.put(None)

    def kill(self) -> None:
        """End the process and everything it started."""
        with self._lock:
            self._closed = True
            if self._process:
                _end(self._process)

    def _work(self, task: Task, events: queue.SimpleQueue[Any]) -> tuple[dict[str, Any] | None, str | None]:
        process = self._running_process()
        if process is None:
            return None, f"{task.name}: interrupted"
        requests, answers = cast(IO[str], process.stdin), cast(IO[str], process.stdout)
        try:
            print(json.dumps({"function": task.function, "order": task.order}), file=requests, flush=True)
        except OSError:
            return None, self._death(task, process)
        for line in answers:
            if not line.endswith("\n"):  # its writer died
                break
            message = json.loads(line)
            if "stage" in message:
                events.put(("stage", task.name, message["stage"]))
            else:
                return message.get("result"), message.get("error")
        return None, self._death(task, process)

    def _running_process(self) -> subprocess.Popen[str] | None:
        with self._lock:
            if self._closed:
                return None
            if self._process is None:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "scripts.pool.worker"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._log,
                    text=True,
                    cwd=ROOT,
                    env=self._environment,
                    start_new_session=True,
                )
            return self._process

    def _death(self, task: Task, process: subprocess.Popen[str]) -> str:
        with self._lock:
            self._process = None
        _end(process)
        how = f"signal {-process.returncode}" if process.returncode < 0 else f"code {process.returncode}"
        hint = "; if memory ran out, try --jobs 1" if process.returncode == -signal.SIGKILL else ""
        return f"{task.name}: its build process ended with {how}{hint}; see build.log in the run directory's logs"


def _end(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream:
            with contextlib.suppress(OSError):
                stream.close()


def _environment(workers: int, temporary: Path | None) -> dict[str, str]:
    threads = max(1, available_cpus() // workers)
    own = {"TMPDIR": str(temporary)} if temporary else {}
    return child_environment(PYTHONPATH=str(ROOT), OMP_NUM_THREADS=str(threads), **own)
