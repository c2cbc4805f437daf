"""What goes wrong during a soak, on purpose: processes are killed, and a model changes its version back and forth."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import psutil
import requests

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.lifecycle.changes import Lifecycle
from scripts.processes import read_records, wait_until
from scripts.settings import Settings
from scripts.stack.supervision import read_supervision

WORKER, TORCHSERVE, NGINX, CHANGE = "worker", "TorchServe", "nginx worker", "version"
_WORKER_SECONDS = 30.0
_RARE_SECONDS = 300.0
_READY_SECONDS = 120.0


@dataclass(frozen=True)
class Fault:
    """What happened: ``at`` seconds since the epoch, ``what`` of the four, to whom, and whether it went ``well``."""

    at: float
    what: str
    detail: str
    well: bool = True


def schedule(seconds: float, calm_from: float, seed: int) -> list[tuple[float, str]]:
    """When what is done, in seconds from the beginning.

    A worker is killed every half minute or so, a version changes every five minutes (and an even number of times in
    a short soak too). TorchServe and a worker of nginx are killed every five minutes or more often, but not after
    ``calm_from``: a leak can only be seen in what lives long.
    """
    chance = random.Random(seed)
    plan = []
    at = chance.uniform(0.5, 1) * min(_WORKER_SECONDS, seconds / 4)
    while at < seconds:
        plan.append((at, WORKER))
        at += chance.uniform(0.5, 1.5) * min(_WORKER_SECONDS, seconds / 4)
    plan += _evenly(CHANGE, seconds, _RARE_SECONDS, 0.5)
    plan += _evenly(NGINX, calm_from, _RARE_SECONDS, 0.35)
    plan += _evenly(TORCHSERVE, calm_from, _RARE_SECONDS, 0.7)
    return sorted(plan)


def _evenly(what: str, until: float, every: float, first: float) -> list[tuple[float, str]]:
    count = max(1, round(until / every))
    step = until / (count + (count % 2 if what == CHANGE else 0))
    return [((number + first) * step, what) for number in range(round(until / step))]


def spared(models: Mapping[str, Model], changed: str) -> set[str]:
    """The models whose workers are left alone: one of each architecture, if another one of it can be killed instead."""
    names = [name for name in models if name != changed]
    last = {models[name].architecture: name for name in names}
    return {name for architecture, name in last.items() if _count(models, architecture) > 1}


def _count(models: Mapping[str, Model], architecture: str) -> int:
    return sum(model.architecture == architecture for model in models.values())


class Faults(threading.Thread):
    """Does what ``plan`` says to the stack of ``settings``; ``done`` is what has happened.

    The workers of ``victims`` are killed; ``changed`` goes back and forth between the archives ``versions``, which are
    file names by version.
    """

    def __init__(
        self,
        settings: Settings,
        plan: Sequence[tuple[float, str]],
        victims: Sequence[str],
        changed: str,
        versions: Mapping[str, str],
        seed: int,
        say: Callable[[str], None],
    ) -> None:
        super().__init__(daemon=True)
        self.done: list[Fault] = []
        self._settings = settings
        self._plan = plan
        self._victims = victims
        self._changed = changed
        self._versions = versions
        self._random = random.Random(seed)
        self._say = say
        self._ending = threading.Event()

    def run(self) -> None:
        """Do it all, each at its time."""
        start = time.monotonic()
        actions = {
            WORKER: self._kill_worker,
            TORCHSERVE: self._kill_torchserve,
            NGINX: self._kill_nginx_worker,
            CHANGE: self._change,
        }
        for at, what in self._plan:
            early = start + at - time.monotonic()
            start -= min(0.0, early)  # what took long puts off all that follows, so that it does not come at once
            if self._ending.wait(max(0.0, early)):
                return
            try:
                detail, well = actions[what](), True
            except (UserError, psutil.NoSuchProcess, ProcessLookupError, LookupError) as error:
                # What dies by itself or is away at this moment cannot be killed; a version must change nevertheless.
                detail, well = f"not done: {error}", what != CHANGE
            self.done.append(Fault(time.time(), what, detail, well))
            self._say(f"{what}: {detail}")

    def end(self) -> None:
        """Wait for what is being done, and do nothing more."""
        self._ending.set()
        self.join()

    def _kill_worker(self) -> str:
        model = self._random.choice(self._victims)
        states = Lifecycle(self._settings, _silent).versions(model)
        pids = sorted(pid for state in states for pid in state.pids)
        if not pids:
            return f"{model} has none now"
        pid = self._random.choice(pids)
        os.kill(pid, signal.SIGKILL)
        return f"killed {pid} of {model}"

    def _kill_torchserve(self) -> str:
        """With its workers; the next fault waits until all models are READY again."""
        self._wait_until_healthy()
        record = read_records(self._settings.run_dir / "stack.json")["torchserve"]
        before = self._restarts()
        began = time.monotonic()
        os.kill(record.pid, signal.SIGKILL)
        back = wait_until(lambda: self._ending.is_set() or self._restarts() > before, _READY_SECONDS)
        return f"killed {record.pid}, " + (f"back after {time.monotonic() - began:.0f} s" if back else "not back")

    def _restarts(self) -> int:
        """How often TorchServe is back."""
        said = read_supervision(self._settings)
        part = said.parts["torchserve"] if said else None
        return part.restarts if part and part.state == "running" else -1

    def _kill_nginx_worker(self) -> str:
        record = read_records(self._settings.run_dir / "stack.json")["proxy"]
        victim = self._random.choice(psutil.Process(record.pid).children())
        victim.kill()
        return f"killed {victim.pid}"

    def _change(self) -> str:
        self._wait_until_healthy()
        lifecycle = Lifecycle(self._settings, _silent)
        before = lifecycle.versions(self._changed)[0].version
        first, second = self._versions
        if before == first:
            change = lifecycle.upgrade(self._changed, self._versions[second])
        else:
            change = lifecycle.rollback(self._changed)
        return f"{self._changed} {before} to {change.version}"

    def _wait_until_healthy(self) -> None:
        wait_until(lambda: self._ending.is_set() or _healthy(self._settings), _READY_SECONDS, every=0.5)


def _healthy(settings: Settings) -> bool:
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.get(f"http://127.0.0.1:{settings.port}/api/v1/health", timeout=5)
        return answer.ok and answer.json()["status"] == "healthy"
    except (requests.RequestException, ValueError, KeyError):
        return False
    finally:
        session.close()


def _silent(message: str) -> None:
    del message
