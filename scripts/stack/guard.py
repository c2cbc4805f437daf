"""What stops a stack in the foreground when its command was killed, and could stop nothing itself."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Generator

from scripts.settings import ROOT, Settings

# Reads until the other end of the pipe is closed: by a word when all is in order, else by the end of the process.
_WAIT = 'read -r word || exec "$0" -E -m scripts.stack stop'


@contextlib.contextmanager
def guarded(settings: Settings) -> Generator[None]:
    """Let a shell in a session of its own stop the stack if this process ends within the block, as by SIGKILL."""
    guard = subprocess.Popen(
        ["sh", "-c", _WAIT, sys.executable],
        cwd=ROOT,
        env={"RUN_DIR": str(settings.run_dir)},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )
    try:
        yield
    finally:
        with contextlib.suppress(BrokenPipeError):  # somebody ended it
            guard.communicate("done\n")
