"""Registering for other machines: the proxy leaves a wish in a file, and the supervisor has a process fulfil it.

Verifying and unpacking hundreds of megabytes would keep TorchServe's threads and nginx's event loop from predictions.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.errors import LATE, NOT_LOADED, NOT_RUNNING, REFUSED, UNKNOWN
from scripts.files import write_text
from scripts.settings import ROOT, Settings

# What the API answers for the exit codes of `scripts/models register`.
_STATUS = {0: 200, REFUSED: 409, NOT_LOADED: 500, NOT_RUNNING: 503, LATE: 504, UNKNOWN: 404}
_OPEN = ("waiting", "under way")
# For another change: as long as loading may take several times.
_PATIENCE_SECONDS = 600
# Predictions come first.
_NICENESS = 10

Wish = dict[str, Any]


class Registrations:
    """The wishes below ``RUN_DIR/registrations``, each in a file named after the archive; fulfilled one by one.

    A wish has ``archive``, ``workers`` and the ``key``'s name from the proxy, and a ``state``: waiting, under way, done
    or failed. ``status`` and ``result`` say what came of it, as the API for other machines answers.
    """

    def __init__(self, settings: Settings, announce: Callable[[str], None]) -> None:
        self._settings = settings
        self._announce = announce
        self._process: subprocess.Popen[str] | None = None
        self._ended = False

    def begin(self) -> None:
        """What an earlier supervisor left is given up: nobody knows how far it came."""
        for file, wish in self._wishes(_OPEN):
            self._write(file, {**wish, "state": "failed", "status": 503, "result": "Interrupted; register it again."})

    def fulfil(self) -> None:
        """Do what waits, the eldest wish first."""
        for file, wish in self._wishes(("waiting",)):
            if self._ended:
                return
            self._write(file, {**wish, "state": "under way"})
            try:
                status, result = self._register(wish)
            except OSError as error:  # no process can be started
                status, result = 503, f"It could not be begun ({error}); register it again."
            self._write(
                file, {**wish, "state": "done" if status == 200 else "failed", "status": status, "result": result}
            )

    def end(self) -> None:
        """Stop what is under way."""
        self._ended = True
        if self._process:
            self._process.terminate()

    def _register(self, wish: Wish) -> tuple[int, str]:
        options = ["--workers", str(wish["workers"]), "--beside", "--asked-by", wish["key"]]
        command = [sys.executable, "-E", "-m", "scripts.lifecycle", "register", wish["archive"], *options]
        self._process = process = subprocess.Popen(
            [*command, "--wait", str(_PATIENCE_SECONDS), "--json"],
            cwd=ROOT,
            env=os.environ | {"RUN_DIR": str(self._settings.run_dir)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        said = process.communicate()[0]
        self._announce(f"{wish['archive']} was to be registered ({wish['key']}): exit code {process.returncode}")
        return _STATUS.get(process.returncode, 500), _sentence(said, process.returncode)

    def _wishes(self, states: tuple[str, ...]) -> list[tuple[Path, Wish]]:
        found = [(file, wish) for file in self._folder.glob("*.json") if (wish := _read(file)).get("state") in states]
        return sorted(found, key=lambda pair: pair[1]["since"])

    @property
    def _folder(self) -> Path:
        return self._settings.registrations_dir

    @staticmethod
    def _write(file: Path, wish: Wish) -> None:
        with suppress(OSError):  # the run directory may just be deleted
            write_text(file, json.dumps({**wish, "changed": time.time()}) + "\n")


def _read(file: Path) -> Wish:
    try:
        wish: Wish = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return wish


def _sentence(said: str, exit_code: int) -> str:
    """What the command's JSON comes to."""
    try:
        answer = json.loads(said)
    except ValueError:
        return f"Registering ended with exit code {exit_code}; .run/logs/management.log and workers.log say more."
    if "error" in answer:
        return str(answer["error"])
    already = "" if answer["changed"] else " already, and nothing was changed"
    return f"{answer['model']} {answer['version']} is registered with {answer['workers']} worker(s){already}"
