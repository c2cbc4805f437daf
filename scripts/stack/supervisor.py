"""The supervisor: it brings back a part of the stack that ended by itself or hangs, with the models as they were.

A process manager of the system would have to know that TorchServe comes back without a model and that nginx's workers
outlive it; what is needed here is little enough to be written out.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

from rich.console import Console

from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.errors import UserError
from scripts.files import LockedError, exclusive
from scripts.processes import ProcessRecord, read_records
from scripts.settings import ROOT
from scripts.stack import report, restore
from scripts.stack.probe import Probe
from scripts.stack.stack import SUPERVISOR, Stack
from scripts.stack.stopped import StoppedProcesses
from scripts.stack.supervision import PartState, State, Supervision, write_supervision
from scripts.stack.wishes import Wishes
from scripts.store.index import verified_index

_LOOK_SECONDS = 0.25
# A part that lived for less than this ended soon; the next start then waits, each time for twice as long.
_SOON_SECONDS = 60.0
_MAX_PAUSE_SECONDS = 60.0
# While it pauses for so long, nobody is told to wait for the part.
_FAILING_PAUSE_SECONDS = 4.0
# A stopped process of nginx is replaced before the whole proxy is: signs of life may all be asked of that process.
STOPPED_SECONDS = 10.0
_ROTATION_SECONDS = 5.0
# For a change that is under way: it ends soon, since the TorchServe that it asks is gone. The models come first.
LOCK_SECONDS = 30.0

Announce = Callable[[str], None]


def start_supervisor(stack: Stack, module: str) -> None:
    """Start the supervisor in the background: the command ``supervise`` of ``module``."""
    with (stack.settings.log_dir / "supervisor.log").open("ab") as log:
        supervisor = subprocess.Popen(
            [sys.executable, "-E", "-m", module, "supervise"],  # -E: whatever PYTHON... variables say
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    stack.note(SUPERVISOR, supervisor.pid)


class Supervisor:
    """Watches the parts of a running stack, each in a thread of its own."""

    def __init__(self, stack: Stack, pid: int, announce: Announce) -> None:
        self._stack = stack
        self._announce = announce
        self._wishes = Wishes(stack.settings, announce)
        self._ending = threading.Event()
        self._lock = threading.Lock()  # for the files of records and states, and for starts
        self._is_unwritten = False
        self._catalogue: dict[str, Model] | None = None
        with suppress(CatalogueError):  # told when it is needed
            self._catalogue = load_catalogue(stack.settings.catalogue)
        now = time.time()
        self._said = Supervision(pid, {name: PartState(since=now) for name in stack.parts})

    def run(self) -> None:
        """Watch until the run directory has been deleted, and stop the stack then; or until an interrupt.

        What is being started when the interrupt comes is recorded before this ends.
        """
        records = read_records(self._stack.record_file)
        self._stack.settings.registrations_dir.mkdir(exist_ok=True)
        self._wishes.begin()
        write_supervision(self._stack.settings, self._said)
        try:
            for name in self._stack.parts:
                watch = _Watch(name, Probe(self._stack.settings, name))
                self._begin(_LOOK_SECONDS, partial(self._watch, watch))
            self._begin(_LOOK_SECONDS, partial(self._end_stopped, StoppedProcesses(STOPPED_SECONDS)))
            self._begin(_ROTATION_SECONDS, self._stack.rotate_error_log)
            self._begin(_LOOK_SECONDS, self._wishes.fulfil)
            while self._stack.record_file.exists():
                records = read_records(self._stack.record_file) or records
                self._write_again()
                time.sleep(_LOOK_SECONDS)
            self._end_deleted(records)
        finally:
            self._ending.set()
            self._wishes.end()
            with self._lock:
                self._stack.settings.supervision_file.unlink(missing_ok=True)

    def _end_deleted(self, records: dict[str, ProcessRecord]) -> None:
        self._ending.set()
        self._announce(f"{self._stack.settings.run_dir} was deleted: without it the stack cannot go on, and is stopped")
        with self._lock:
            self._stack.end_all(records)

    def _begin(self, seconds: float, work: Callable[[], None]) -> None:
        threading.Thread(target=self._repeat, args=(seconds, work), daemon=True).start()

    def _repeat(self, seconds: float, work: Callable[[], None]) -> None:
        """Work every so many ``seconds``. What fails, whatever it is, is announced when it is new, and tried again.

        A thread that ended by it would be missed by nobody, and its part of the stack be watched no more.
        """
        said = ""
        while not self._ending.wait(seconds):
            problem = ""
            try:
                work()
            except Exception as error:
                problem = _told(error)
                if problem != said and not self._ending.is_set():
                    self._announce(f"the supervisor goes on after a fault: {problem}")
            said = problem

    def _watch(self, watch: _Watch) -> None:
        name = watch.name
        problem = self._problem(name, watch.probe)
        if problem is None:
            return
        soon = time.monotonic() - watch.started < _SOON_SECONDS
        watch.pause = (
            min(_MAX_PAUSE_SECONDS, max(1.0, 2 * watch.pause)) if soon and self._said.parts[name].restarts else 0.0
        )
        self._say(name, "failing" if watch.pause >= _FAILING_PAUSE_SECONDS else "starting", watch.pause)
        self._announce(f"{name} {problem}; it is started again" + (f" in {watch.pause:g} s" if watch.pause else ""))
        if self._ending.wait(watch.pause):
            return
        self._say(name, "starting")
        watch.started = time.monotonic()
        self._bring_back(name)
        watch.probe = Probe(self._stack.settings, name)

    def _end_stopped(self, stopped: StoppedProcesses) -> None:
        """One process of nginx may be stopped while another still answers the supervisor; nginx replaces a dead one."""
        proxy = self._stack.records.get("proxy")
        for pid in stopped.end(proxy.members() if proxy else []):
            self._announce(f"process {pid} of the proxy was stopped for {STOPPED_SECONDS:g} s and is replaced")

    def _problem(self, name: str, probe: Probe) -> str | None:
        if name not in self._stack.records:
            return "has ended by itself"
        return probe.problem()

    def _bring_back(self, name: str) -> None:
        self._said.parts[name].restarts += 1
        began = time.monotonic()
        try:
            if name == "proxy":
                self._locked(self._stack.restart_proxy)
            else:
                self._bring_torchserve_back()
        except Exception as error:
            self._announce(f"{name} was not brought back: {_told(error)}")
            if name == "torchserve":  # one without its models would look alive
                self._stack.end_torchserve()
        else:
            self._say(name, "running")
            self._announce(f"{name} is back after {time.monotonic() - began:.1f} s")

    def _bring_torchserve_back(self) -> None:
        settings, catalogue = self._stack.settings, self._last_catalogue()
        self._locked(self._stack.end_torchserve)
        with ExitStack() as changes:
            try:  # what is changed between the plan and its record would be forgotten
                changes.enter_context(exclusive(settings.run_dir, self._announce, LOCK_SECONDS))
            except LockedError as error:
                self._announce(f"{error}; the models are brought back meanwhile")
            plan = restore.plan_start(settings, catalogue, verified_index(settings, catalogue), None)
            self._locked(lambda: self._stack.start_torchserve(plan))
            self._stack.register(plan)
        for message in plan.problems:
            self._announce(message)
        loaded = [model for model in catalogue.values() if plan.workers(model.archive_name)]
        outcome = report.wait(settings, loaded, lambda: "torchserve" in self._stack.records, Console(quiet=True))
        for model, failure in outcome.failures.items():
            self._announce(f"{model}: {failure}")

    def _last_catalogue(self) -> dict[str, Model]:
        """The catalogue, or the one before while somebody edits it. Raises CatalogueError without any."""
        try:
            self._catalogue = load_catalogue(self._stack.settings.catalogue)
        except CatalogueError as error:
            if self._catalogue is None:
                raise
            self._announce(f"{error}; until it is right, the models are those of before")
        return self._catalogue

    def _locked(self, change: Callable[[], object]) -> None:
        """Change processes, unless the stack is being stopped, which what was started now could miss."""
        with self._lock:
            if self._ending.is_set() or not self._stack.record_file.exists():
                raise UserError("the supervisor was told to end")
            change()

    def _say(self, name: str, state: State, pause: float = 0.0) -> None:
        with self._lock:
            self._said.parts[name].state = state
            self._said.parts[name].since = time.time()
            self._said.parts[name].pause = pause
            self._is_unwritten = True
        self._write_again()

    def _write_again(self) -> None:
        """Write what was said last, if the disk was full until now."""
        with self._lock, suppress(OSError):
            if self._is_unwritten and not self._ending.is_set():
                write_supervision(self._stack.settings, self._said)
                self._is_unwritten = False


def _told(error: Exception) -> str:
    """A user's error as it is written; another one with its kind, since its text alone may say little."""
    return str(error) if isinstance(error, UserError | OSError) else f"{type(error).__name__}: {error}"


@dataclass
class _Watch:
    """A part, when it was started last, and for how many seconds the supervisor paused before."""

    name: str
    probe: Probe
    started: float = field(default_factory=time.monotonic)
    pause: float = 0.0
