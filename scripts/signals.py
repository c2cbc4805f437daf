"""How a command that starts or changes something ends in order: as by Ctrl-C, whoever ends it."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading

_ENDING = (signal.SIGTERM, signal.SIGHUP)


def obey_signals() -> None:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, raise KeyboardInterrupt in the main thread.

    A process that was told to ignore one, as by nohup, ignores it.
    """
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def obey_terminal() -> None:
    """Send this process SIGHUP when the terminal it prints on is closed.

    The system tells only the session's first process. That may be make, as with ``ssh -t host make serve``, and make
    waits for its children without a word.
    """
    if sys.stdout.isatty():
        threading.Thread(target=_wait_for_hangup, args=(sys.stdout.fileno(),), daemon=True).start()


def ignore_signals() -> None:
    """Let nothing of this disturb what is done at the end."""
    for number in (signal.SIGINT, *_ENDING):
        signal.signal(number, signal.SIG_IGN)


def _interrupt(number: int, frame: object) -> None:
    for other in _ENDING:  # a shell and the system may both tell of the closed terminal
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt


def _wait_for_hangup(terminal: int) -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # POLLHUP and POLLERR are always reported
    poll.poll()
    os.kill(os.getpid(), signal.SIGHUP)
