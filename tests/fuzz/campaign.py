"""Cases by the thousand, in a process that may die or hang, and a small file of each kind of fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
import selectors
import subprocess
import sys
import time
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.settings import ROOT
from tests.fuzz.target import case_of, open_target

# Seconds for a worker to start, its libraries included, on a machine that has other things to do.
_START = 120
FOUND = Path(__file__).with_name("found")


@dataclass
class Campaign:
    """A run of one target. ``patience`` is after how many seconds a case counts as hanging."""

    target: str
    seed: int
    folder: Path
    patience: float = 60
    faults: Counter[str] = field(default_factory=Counter)  # by kind
    examples: dict[str, bytes] = field(default_factory=dict)
    tried: int = 0

    def run(self, cases: int, seconds: float = float("inf"), report: Callable[[str], None] = print) -> None:
        """Try so many cases, or as many as there is time for."""
        end = time.monotonic() + seconds
        while self.tried < cases and time.monotonic() < end:
            lines = self._lines(str(self.seed), str(self.tried), str(cases))
            for line in lines:
                if "fault" in line:
                    self._note(line["fault"], b64decode(line["case"]), report)
                    continue
                self.tried = line["number"]
                if time.monotonic() > end:
                    lines.close()
                    return
            self._go_on(cases, report)

    def _go_on(self, cases: int, report: Callable[[str], None]) -> None:
        """Go on behind the case that ended or stopped the process, if one did."""
        if not (end := self._end):
            self.tried = cases
            return
        target = open_target(self.target, self.folder / "examples")
        for number in range(self.tried, min(self.tried + target.batch, cases)):
            case = case_of(target, self.seed, number)
            if target.batch == 1 or self.fault_of(case):
                self._note(end, case, report)
        self.tried += target.batch

    def still(self, kind: str) -> Callable[[bytes], bool]:
        """Whether a case has a fault of that kind; in this process where no case of it ended or stopped one."""
        if kind.startswith(("ended", "hangs")):
            return lambda case: kind_of(self.fault_of(case)) == kind
        target = open_target(self.target, self.folder / "examples")
        return lambda case: kind_of(target.faults([case])[0]) == kind

    def fault_of(self, case: bytes) -> str:
        """What is wrong with one case, tried in a process of its own."""
        path = self.folder / "case"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(case)
        faults = [str(line["fault"]) for line in self._lines(str(path))]
        return self._end or faults[0]

    def _note(self, fault: str, case: bytes, report: Callable[[str], None]) -> None:
        kind = kind_of(fault)
        self.faults[kind] += 1
        if kind not in self.examples:
            self.examples[kind] = case
            report(f"  {self.target}: {fault}")

    def _lines(self, *arguments: str) -> Generator[Any, None, None]:
        """What a worker says; ``_end`` is then how it ended, empty if well."""
        self._end = ""
        command = [sys.executable, "-m", "tests.fuzz.worker", self.target, str(self.folder / "work"), *arguments]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
        errors = self.folder / "errors.txt"
        self.folder.mkdir(parents=True, exist_ok=True)
        with (
            errors.open("w") as stderr,
            subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=stderr) as worker,
        ):
            try:
                yield from self._patiently(worker)
            finally:
                worker.kill()
        if worker.returncode and not self._end:
            last = errors.read_text(errors="replace").strip().splitlines()[-1:]
            self._end = f"ended: with {worker.returncode} {''.join(last)}"

    def _patiently(self, worker: subprocess.Popen[bytes]) -> Generator[Any, None, None]:
        assert worker.stdout
        rest, patience = b"", float(_START)
        with selectors.DefaultSelector() as selector:
            selector.register(worker.stdout, selectors.EVENT_READ)
            while selector.select(patience):
                patience = self.patience
                read = os.read(worker.stdout.fileno(), 1 << 16)
                if not read:
                    worker.wait()
                    return
                *lines, rest = (rest + read).split(b"\n")
                yield from map(json.loads, lines)
        self._end = f"hangs: for more than {self.patience:g} s"


def kind_of(fault: str) -> str:
    """What two faults have in common that are the same fault: the text up to the colon, and no numbers."""
    return re.sub(r"\d+", "#", fault.partition(":")[0])


def smaller(case: bytes, still: Callable[[bytes], bool], tries: int = 300) -> bytes:
    """Leave out pieces of a case, halves first, as long as ``still`` holds for what remains."""
    size = len(case) // 2
    while size and tries:
        start = 0
        while start < len(case) and tries:
            shorter = case[:start] + case[start + size :]
            tries -= 1
            if still(shorter):
                case = shorter
            else:
                start += size
        size //= 2
    return case


def keep(target: str, case: bytes, folder: Path = FOUND) -> Path:
    """Write a case to the corpus, which tests/fuzz/test_targets.py tries again each time."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{target}-{hashlib.sha256(case).hexdigest()[:8]}"
    path.write_bytes(case)
    return path
