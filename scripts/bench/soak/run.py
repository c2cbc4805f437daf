"""One soak, from the stack's start to the findings."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

from scripts.bench.build_time import BUILD
from scripts.bench.child import Child
from scripts.bench.machine import describe_machine
from scripts.bench.servers import Server, project_stack, run_command, stack_environment, stack_settings
from scripts.bench.soak.faults import Faults, schedule, spared
from scripts.bench.soak.findings import Phases, lives, parts, problems
from scripts.bench.soak.gauges import in_flight, settled
from scripts.bench.soak.mix import write_requests
from scripts.bench.soak.samples import Sampler
from scripts.catalogue import load_catalogue
from scripts.settings import Settings
from scripts.store.archive import kept_file, read_archive

_SLICE_SECONDS = 60.0
_SECOND_VERSION = "soak"


@dataclass(frozen=True)
class Options:
    """How long, by how many clients and others that leave, and the seed of all that is random."""

    minutes: float
    clients: int
    leavers: int
    seed: int


class Soak:
    """A soak with the user's ``settings``; all it writes lies in ``RUN_DIR/bench/soak``."""

    def __init__(self, settings: Settings, options: Options, say: Callable[[str], None]) -> None:
        self._directory = settings.run_dir / "bench" / "soak"
        self._given = settings
        self._settings = replace(
            stack_settings(settings, self._directory / "stack"), model_store=self._directory / "model_store"
        )
        self._options = options
        self._say = say
        self._models = load_catalogue(settings.catalogue)
        self._changed = next(iter(self._models))
        self._phases = Phases.of(options.minutes * 60)

    def run(self) -> dict[str, Any]:
        """Start the stack, let it run, stop it. Returns the figures and findings, as JSON takes them."""
        began = datetime.now(timezone.utc)
        load_before = os.getloadavg()[0]
        versions = self._build()
        kinds = write_requests(self._models, self._directory / "requests")
        with ExitStack() as stack:
            child = stack.enter_context(Child("scripts.bench.soak.load", self._log("load")))
            self._say("Starting the stack")
            server = stack.enter_context(project_stack(self._settings, self._log("stack")))
            sampler, faults = Sampler(self._settings), self._faults(versions)
            for thread in (sampler, faults):
                thread.start()
            try:
                load = self._load(child, server, kinds)
                load["in_flight"] = settled(lambda: in_flight(server.port), self._settings.predict_timeout)
            finally:
                faults.end()
                sampler.end()
        self._remove()
        return {
            "date": began.date().isoformat(),
            "options": asdict(self._options),
            "machine": describe_machine(),
            "load_average": [load_before, os.getloadavg()[0]],
            "predict_timeout": self._settings.predict_timeout,
            "malloc": {name: value for name, value in os.environ.items() if name.startswith("MALLOC_")},
            "phases": asdict(self._phases) | {"block": self._phases.block},
            **load,
            "faults": [asdict(fault) for fault in faults.done],
            "lives": [asdict(life) | {"verdict": life.verdict} for life in lives(sampler.samples, self._phases)],
            "parts": [asdict(part) for part in parts(sampler.samples)],
            "logs": sampler.logs,
            "problems": problems(load, faults.done),
            "samples": [list(asdict(sample).values()) for sample in sampler.samples],
        }

    def _build(self) -> dict[str, str]:
        """Build what is missing, copy the archives, and build one of the copies in another version.

        Returns the files of the two versions, the one that will serve first.
        """
        self._say("Building the archives, unless they are up to date")
        run_command(BUILD, stack_environment(self._given), self._log("build"))
        shutil.rmtree(self._directory / "stack", ignore_errors=True)
        store = self._settings.model_store
        shutil.rmtree(store, ignore_errors=True)
        shutil.copytree(
            self._given.model_store, store, ignore=shutil.ignore_patterns(".lock"), copy_function=_link_or_copy
        )
        file = self._models[self._changed].archive_file
        before = read_archive(store / file)
        self._say(f"Building {self._changed} in another version")
        command = [*BUILD, "--model", self._changed, "--archive-version", _SECOND_VERSION]
        run_command(command, stack_environment(self._settings), self._log("build"))
        return {_SECOND_VERSION: file, before.version: kept_file(before.archive_name, before.version)}

    def _faults(self, versions: dict[str, str]) -> Faults:
        seed = self._options.seed
        plan = schedule(self._phases.seconds, self._phases.calm_from, seed)
        left_alone = spared(self._models, self._changed)
        victims = [name for name in self._models if name not in left_alone]
        return Faults(self._settings, plan, victims, self._changed, versions, seed, self._say)

    def _load(self, child: Child, server: Server, kinds: list[dict[str, Any]]) -> dict[str, Any]:
        """Load for the whole time, in slices, so that a process that ends is noticed."""
        answers: Counter[str] = Counter()
        unexpected: list[dict[str, Any]] = []
        cut_off: list[dict[str, Any]] = []
        latencies: list[float] = []
        left, number, remaining = 0, 0, self._phases.seconds
        began = datetime.now(timezone.utc)
        while remaining > 1:
            job = {
                "port": server.port,
                "kinds": kinds,
                "clients": self._options.clients,
                "leavers": self._options.leavers,
                "seconds": min(_SLICE_SECONDS, remaining),
                "seed": self._options.seed * 10_000 + number,
            }
            tally = child.ask(job)
            answers.update(tally["answers"])
            unexpected += tally["unexpected"]
            cut_off += tally["cut_off"]
            latencies += tally["latencies"]
            left += tally["left"]
            number += 1
            remaining = self._phases.seconds - (datetime.now(timezone.utc) - began).total_seconds()
        p50, p99 = np.percentile(latencies, [50, 99]).tolist() if latencies else (0.0, 0.0)
        return {
            "answers": dict(sorted(answers.items())),
            "unexpected": unexpected,
            "cut_off": cut_off,
            "left": left,
            "milliseconds": {"p50": p50, "p99": p99},
        }

    def _remove(self) -> None:
        """The copies of the archives; the logs stay."""
        shutil.rmtree(self._settings.model_store, ignore_errors=True)
        shutil.rmtree(self._settings.run_dir / "unpacked", ignore_errors=True)

    def _log(self, name: str) -> Path:
        return self._directory / "logs" / f"{name}.log"


def _link_or_copy(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target
