"""Changes for other machines: the proxy leaves a wish in a file, and the supervisor has a process fulfil it.

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

from scripts.errors import INTERRUPTED, LATE, NOT_LOADED, NOT_RUNNING, REFUSED, UNKNOWN, USAGE
from scripts.files import cannot_write, write_text
from scripts.settings import ROOT, Settings

# What the API answers for the exit codes of `scripts/models`.
_STATUS = {
    0: 200,
    REFUSED: 409,
    USAGE: 400,
    NOT_LOADED: 500,
    NOT_RUNNING: 503,
    LATE: 504,
    UNKNOWN: 404,
    INTERRUPTED: 503,
}
_OPEN = ("waiting", "under way")
# For another change: as long as loading may take several times.
_PATIENCE_SECONDS = 600
# For a change that was told to end; more would keep a stop waiting.
_UNDOING_SECONDS = 10
# Predictions come first.
_NICENESS = 10
# How many changes that are over can be looked up, and how many dry runs.
_KEPT_CHANGES = 50

Wish = dict[str, Any]


class Wishes:
    """The wishes below ``RUN_DIR/registrations``, each in a file of its own; fulfilled one by one.

    One to register has ``archive``, after which its file is named, and ``workers``. One for another change has an
    ``id``, after which its file is named, a ``command`` of ``scripts/models`` and its arguments. Both have the
    ``key``'s name from the proxy, and a ``state``: waiting, under way, done or failed. ``status`` and ``result`` say
    what came of it, as the API for other machines answers; ``answer`` is what the command of a change printed.

    The files alone tell what was done, also to the next supervisor. Nothing is begun while they cannot be written.
    """

    def __init__(self, settings: Settings, announce: Callable[[str], None]) -> None:
        self._settings = settings
        self._announce = announce
        self._process: subprocess.Popen[str] | None = None
        self._ended = False
        self._outcomes: dict[Path, Wish] = {}  # those that are not written yet
        self._is_disk_full = False

    def begin(self) -> None:
        """What an earlier supervisor left is given up: nobody knows how far it came."""
        for file, wish in self._wishes(_OPEN):
            self._outcomes[file] = {**wish, "state": "failed", "status": 503, "result": _interrupted(wish)}
        self._write_outcomes()

    def fulfil(self) -> None:
        """Do what waits, the eldest wish first."""
        if not self._write_outcomes():
            return
        for file, wish in self._wishes(("waiting",)):
            if self._ended or not self._write(file, {**wish, "state": "under way"}):
                return
            try:
                came_of_it = self._carry_out(wish)
            except OSError as error:  # no process can be started
                came_of_it = {"status": 503, "result": f"It could not be begun ({error}); ask for it again."}
            state = "done" if came_of_it["status"] == 200 else "failed"
            self._outcomes[file] = {**wish, "state": state, **came_of_it}
            if not self._write_outcomes():
                return
            self._forget_old_changes()

    def end(self) -> None:
        """Stop what is under way, which takes back what is half done while TorchServe still runs."""
        self._ended = True
        if self._process:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_UNDOING_SECONDS)

    def _carry_out(self, wish: Wish) -> Wish:
        """What is to be told of it: ``status``, ``result``, and ``answer`` for a change."""
        self._process = process = subprocess.Popen(
            [sys.executable, "-E", "-m", "scripts.lifecycle", *_arguments(wish), "--asked-by", wish["key"], "--json"],
            cwd=ROOT,
            env=os.environ | {"RUN_DIR": str(self._settings.run_dir)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C in the terminal of `make serve` reaches it once, by end()
            text=True,
        )
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICENESS)
        said, code = process.communicate()[0], process.returncode
        what = f"{wish['command']} {wish['model']}" if "command" in wish else f"register {wish['archive']}"
        self._announce(f"`{what}` was asked for ({wish['key']}): exit code {code}")
        answer = _parsed(self._without_folders(said))
        told = {"status": _STATUS.get(code, 500), "result": _sentence(wish, answer, code)}
        return {**told, "exit_code": code, "answer": answer} if "command" in wish else told

    def _without_folders(self, said: str) -> str:
        """What another machine is told: the clone's paths are relative in it, others begin with their last folder."""
        folders = {str(folder): folder.name for folder in (self._settings.run_dir, self._settings.model_store)}
        for folder, name in {**folders, f"{ROOT}/": ""}.items():
            said = said.replace(json.dumps(folder)[1:-1], json.dumps(name)[1:-1])
        return said

    def _forget_old_changes(self) -> None:
        over = [(file, wish.get("dry_run")) for file, wish in self._wishes(("done", "failed")) if "command" in wish]
        dry = [file for file, dry_run in over if dry_run == "true"]
        made = [file for file, dry_run in over if dry_run != "true"]
        for file in dry[:-_KEPT_CHANGES] + made[:-_KEPT_CHANGES]:
            file.unlink(missing_ok=True)

    def _wishes(self, states: tuple[str, ...]) -> list[tuple[Path, Wish]]:
        found = [(file, wish) for file in self._folder.glob("*.json") if (wish := _read(file)).get("state") in states]
        return sorted(found, key=lambda pair: pair[1]["since"])

    @property
    def _folder(self) -> Path:
        return self._settings.registrations_dir

    def _write_outcomes(self) -> bool:
        """Write what came of wishes, also of those before; whether that is written of all."""
        self._outcomes = {file: wish for file, wish in self._outcomes.items() if not self._write(file, wish)}
        return not self._outcomes

    def _write(self, file: Path, wish: Wish) -> bool:
        """Whether it could be written; the first time that it cannot, that is announced."""
        try:
            write_text(file, json.dumps({**wish, "changed": time.time()}) + "\n")
        except OSError as error:
            if not self._is_disk_full:
                self._announce(f"{cannot_write(error, file)}; what other machines ask for waits until then")
            self._is_disk_full = True
            return False
        self._is_disk_full = False
        return True


def _arguments(wish: Wish) -> list[str]:
    """The command line of ``scripts/models`` for a wish."""
    if "command" not in wish:
        options = ["--workers", str(wish["workers"]), "--beside", "--wait", str(_PATIENCE_SECONDS)]
        return ["register", wish["archive"], *options]
    command = wish["command"]
    positional = {"scale": "workers", "upgrade": "archive"}.get(command, "")
    arguments = [command, wish["model"], *([wish[positional]] if positional in wish else [])]
    for option in ("workers", "version", "timeout", "wait"):
        if option in wish and option != positional:
            arguments += [f"--{option}", wish[option]]
    arguments += ["--beside"] if command == "register" else []
    return arguments + (["--dry-run"] if wish.get("dry_run") == "true" else [])


def _read(file: Path) -> Wish:
    try:
        wish: Wish = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return wish


def _parsed(said: str) -> Wish | None:
    try:
        answer: Wish = json.loads(said)
    except ValueError:
        return None
    return answer


def _interrupted(wish: Wish) -> str:
    return f"Interrupted; {'ask for it' if 'command' in wish else 'register it'} again."


def _sentence(wish: Wish, answer: Wish | None, exit_code: int) -> str:
    """What the command's JSON comes to."""
    if exit_code == INTERRUPTED:
        return _interrupted(wish)
    if answer is None:
        return f"It ended with exit code {exit_code}; .run/logs/management.log and workers.log say more."
    if "error" in answer:
        return str(answer["error"])
    if wish.get("dry_run") == "true":
        return "It can be done; nothing was changed"
    if "versions" in answer:
        return f"{answer['model']} {', '.join(answer['versions'])} is unregistered"
    does = {"register": "is registered with", "scale": "has"}.get(wish.get("command", "register"), "serves with")
    already = "" if answer["changed"] else " already, and nothing was changed"
    return f"{answer['model']} {answer['version']} {does} {answer['workers']} worker(s){already}"
