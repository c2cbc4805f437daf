"""Show the logs of one model or of all, and follow them."""

from __future__ import annotations

import contextlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from scripts.catalogue import load_catalogue
from scripts.lifecycle.changes import Lifecycle
from scripts.lifecycle.outcomes import UnknownModelError
from scripts.settings import Settings
from scripts.torchserve import worker_log
from scripts.torchserve.management import ManagementError


def logged_name(lifecycle: Lifecycle, name: str) -> str:
    """TorchServe's name of a model of the catalogue, or of one that is registered. Raises UnknownModelError."""
    archive_name = lifecycle.archive_name(name)
    known = {model.archive_name for model in load_catalogue(lifecycle.settings.catalogue).values()}
    if archive_name not in known:
        with contextlib.suppress(ManagementError):  # TorchServe does not answer: then only the catalogue's are known
            known.update(lifecycle.management.names())
    if archive_name not in known:
        raise UnknownModelError(f"there is no model {name}; `scripts/models list` shows what there is")
    return archive_name


def show_logs(settings: Settings, archive_name: str | None, count: int, follow: bool, as_json: bool) -> None:
    """Print the last ``count`` lines about a model (None: all), then what follows until Ctrl-C if that is wanted."""
    files = worker_log.log_files(settings)
    wanted: Callable[[str], bool] = worker_log.belongs_to(archive_name) if archive_name else bool
    lines = sorted(line for path in files for line in worker_log.tail(path, count, wanted))
    for line in lines[-count:] if count else []:
        print(_shown(line, as_json))
    if follow:
        _follow(files, wanted, as_json)


def _follow(files: list[Path], wanted: Callable[[str], bool], as_json: bool) -> None:
    command = ["tail", "-q", "-n", "0", "-F", *map(str, files)]
    tail = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        for line in tail.stdout or ():
            if wanted(line):
                print(_shown(line.rstrip("\n"), as_json), flush=True)
    finally:
        tail.kill()
        tail.wait()


def _shown(line: str, as_json: bool) -> str:
    return json.dumps({"line": line}) if as_json else line
