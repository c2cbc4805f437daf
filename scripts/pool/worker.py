"""The worker process of ``scripts.pool``: one JSON line in per task, JSON lines out for its stages and its end."""

from __future__ import annotations

import importlib
import json
import os
import queue
import re
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from scripts.errors import UserError


def main() -> None:
    """Work through the tasks that arrive; end with everything started here when standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print belongs into the log
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read_tasks, args=(tasks,), daemon=True).start()

    def answer(**message: Any) -> None:
        print(json.dumps(message), file=answers, flush=True)

    while True:
        task = tasks.get()
        try:
            function = _function(task["function"])
            answer(result=function(task["order"], lambda text: answer(stage=text)))
        except Exception as error:
            answer(error=_message(error))


def _read_tasks(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _function(name: str) -> Callable[..., dict[str, Any]]:
    """The function that a task names as ``module:name``; the module is imported here, with what it needs."""
    module, _, attribute = name.partition(":")
    function: Callable[..., dict[str, Any]] = getattr(importlib.import_module(module), attribute)
    return function


def _message(error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    traceback.print_exception(error)
    text = re.sub(r"/(?:[^/\s]+/)+", "", str(error))  # a client may see it, and folders are not its business
    return f"unexpected {type(error).__name__}: {text}; see build.log in the run directory's logs"


if __name__ == "__main__":
    main()
