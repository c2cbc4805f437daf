"""The worker process of ``scripts.pool``: one JSON line in per task, JSON lines out for its stages and its end."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import sys
import threading
import traceback
from typing import Any

from scripts.catalogue import CatalogueError


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
            answer(result=_work(task["kind"], task["order"], lambda text: answer(stage=text)))
        except Exception as error:
            answer(error=_sentence(error))


def _read_tasks(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _work(kind: str, order: dict[str, Any], report: Any) -> dict[str, Any]:
    if kind == "stand_in":
        from scripts.standins import make_stand_in

        return make_stand_in(order, report)
    from scripts.packing import build_archive

    return build_archive(order, report)


def _sentence(error: Exception) -> str:
    from scripts.checkpoint_files import CheckpointError
    from scripts.packing import PackingError

    if isinstance(error, (CheckpointError, PackingError, CatalogueError)):
        return str(error)
    traceback.print_exception(error)
    text = re.sub(r"/(?:[^/\s]+/)+", "", str(error))  # a client may see it, and folders are not its business
    return f"unexpected {type(error).__name__}: {text}; see build.log in the run directory's logs"


if __name__ == "__main__":
    main()
