"""Who changed what: a line for each local change in the log of the management API (``.run/logs/management.log``)."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import os
import pwd
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from scripts.console import print_notice
from scripts.errors import INTERRUPTED, LATE, NOT_LOADED, NOT_RUNNING, REFUSED, UNKNOWN, UserError
from scripts.lifecycle.outcomes import Change
from scripts.settings import Settings

# The HTTP status in such a line: what the API for other machines would answer. 499 is nginx's for who did not wait.
_STATUS = {REFUSED: 409, NOT_LOADED: 500, NOT_RUNNING: 503, LATE: 504, UNKNOWN: 404, INTERRUPTED: 499}


class Changing(Protocol):
    """What makes changes, one at a time."""

    settings: Settings
    asked_by: str | None

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep others from making changes meanwhile."""


_P = ParamSpec("_P")
_S = TypeVar("_S", bound=Changing)
_T = TypeVar("_T", Change, list[str])


def logged(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """A method that changes the models, under the lock of what makes changes: a line tells of each call."""

    @functools.wraps(method)
    def change(self: _S, /, *values: _P.args, **named: _P.kwargs) -> _T:
        given = list(inspect.signature(method).bind(self, *values, **named).arguments.items())[1:]
        # As the parameters of the API's requests are logged.
        request = "&".join(f"{name}={value}" for name, value in given if value is not None and value is not False)
        request += f"&asked_by={self.asked_by}" if self.asked_by else ""
        with audited(self.settings, method.__name__, request) as entry, self.lock():
            outcome = method(self, *values, **named)
            entry.result = str(outcome) if isinstance(outcome, Change) else f"unregistered {', '.join(outcome)}"
        return outcome

    return change


@dataclass
class Entry:
    """One change; ``result`` is what came of it, to be set by who makes it."""

    result: str = "done"


@contextlib.contextmanager
def audited(settings: Settings, method: str, request: str) -> Iterator[Entry]:
    """Log a change when the block ends, however it ends: ``method`` is its kind, ``request`` the command."""
    entry = Entry()
    status = 200
    try:
        yield entry
    except UserError as error:
        status, entry.result = _STATUS.get(error.exit_code, 500), str(error)
        raise
    except KeyboardInterrupt:
        status, entry.result = _STATUS[INTERRUPTED], "interrupted"
        raise
    except BaseException as error:
        status, entry.result = 500, repr(error)
        raise
    finally:
        _write(settings, method, request, status, entry.result)


def _write(settings: Settings, method: str, request: str, status: int, result: str) -> None:
    """Append the line; its fields are those of ``proxy/templates/management/shared.conf.j2``, and ``who``."""
    fields = {
        "time": datetime.now().astimezone().isoformat(timespec="seconds"),
        "request_id": secrets.token_hex(16),
        "client": "local",
        "key": "-",
        "who": _who(),
        "method": method,
        "request": request,
        "status": status,
        "result": result,
    }
    path = settings.log_dir / "management.log"
    try:
        settings.log_dir.mkdir(parents=True, exist_ok=True)
        # One write, so that lines of several processes do not mix.
        log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(log, (json.dumps(fields, ensure_ascii=False) + "\n").encode())
            if os.geteuid() == 0:  # the proxy must go on writing into it, as the user of the stack
                owner = settings.log_dir.stat()
                os.fchown(log, owner.st_uid, owner.st_gid)
        finally:
            os.close(log)
    except OSError as error:
        print_notice(f"{path} cannot be written ({error.strerror}): this change is not logged")


def _who() -> str:
    """The user's name; who it was before sudo, too."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a container's user without a name
        user = str(os.getuid())
    before = os.environ.get("SUDO_USER")
    return f"{before} as {user}" if before and before != user else user
