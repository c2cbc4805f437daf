"""What ``serve`` shows of the logs while it runs: a short line for each prediction, and what goes wrong."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import threading
from collections.abc import Generator, Iterable
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from scripts.settings import Settings

_LOGS = ("torchserve.log", "workers.log", "proxy-error.log", "proxy-access.log")
# One of these words stands in every line of TorchServe, its workers or nginx that a person should see.
_LEVELS = {"ERROR": "red", "[error]": "red", "[crit]": "red", "[alert]": "red", "[emerg]": "red", "WARN": "yellow"}
# A terminal that takes nothing any more must not keep the stack from being stopped.
_LAST_LINES_SECONDS = 1.0
_PREDICT = "/api/v1/predict"


@contextlib.contextmanager
def followed_logs(settings: Settings, console: Console) -> Generator[None]:
    """Print what is logged while the block runs: for people, or every line as it is with LOG_FORMAT=json."""
    logs = [str(settings.log_dir / name) for name in _LOGS]
    # --pid: tail ends with this process even if an interrupt comes before the block below can stop it.
    command = ["tail", f"--pid={os.getpid()}", "-q", "-n", "0", "-F", *logs]
    output = subprocess.PIPE if settings.log_format == "text" else None
    with subprocess.Popen(
        command, stdout=output, stderr=subprocess.DEVNULL, start_new_session=True, text=True, errors="replace"
    ) as tail:
        reader = threading.Thread(target=_print_all, args=(tail.stdout or (), console), daemon=True)
        reader.start()
        try:
            yield
        finally:
            tail.kill()
            reader.join(_LAST_LINES_SECONDS)


def _print_all(lines: Iterable[str], console: Console) -> None:
    with contextlib.suppress(OSError):  # a terminal that was closed
        for line in lines:
            if (shown := readable(line.rstrip("\n"))) is not None:
                console.print(shown, soft_wrap=True)


def readable(line: str) -> Text | None:
    """A line of a log as a person reads it; None for what is of no interest while it serves.

    Of requests that is what only reads and succeeds, such as pages and polls; of other lines, what is no warning.
    """
    if not line.startswith("{"):
        style = next((style for word, style in _LEVELS.items() if f" {word} " in line), None)
        return Text(line, style) if style else None
    try:
        record = json.loads(line)
        return None if record["method"] != "POST" and record["status"] < 400 else _request(record)
    except (ValueError, KeyError, TypeError):
        return Text(line)


def _request(record: dict[str, Any]) -> Text:
    """Time of day, status, model or path, milliseconds, and why there was no answer."""
    time = datetime.fromisoformat(record["time"].replace("Z", "+00:00")).astimezone()
    status = record["status"]
    colour = "green" if status < 400 else "yellow" if status < 500 else "red"
    models = len(record.get("predictions", ()))
    what = f"{models} models" if models else record["model"]
    if record["path"] != _PREDICT:
        what = f"{what} {record['method']} {record['path']}".strip()
    milliseconds = 1000 * record["seconds"]
    reason = record.get("image_error") or record.get("rejection")
    text = Text.assemble((f"{time:%H:%M:%S} ", "dim"), (str(status), colour), f" {milliseconds:6.0f} ms  {what}")
    return text.append(f"  {reason}", colour) if reason else text
