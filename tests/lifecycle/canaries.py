"""Canaries of SERVED: asked, looked at, and whom they answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import requests

from scripts.lifecycle.trials import read_outcome, read_trials
from tests.lifecycle.listing import rows_of
from tests.support.asking import IMAGE, TIMEOUT
from tests.support.assignment import hashed
from tests.support.models import ARCHIVE, SERVED
from tests.support.polling import poll
from tests.support.sources import From
from tests.support.stacks import RunningStack

OTHERWISE = f"{ARCHIVE}-1.1.mar"  # from the retrained checkpoint
SAME = f"{ARCHIVE}-1.2.mar"
USERS = [f"user-{number}" for number in range(24)]


def ask(
    stack: RunningStack, user: str, model: str = SERVED, source: str = "127.0.0.1", **headers: str
) -> dict[str, Any]:
    with requests.Session() as session:
        session.mount("http://", From(source))
        answer = session.post(
            f"{stack.url}/api/v1/predict",
            files={"file": ("frame.jpg", IMAGE)},
            data={"model": model},
            headers={"X-User": user, **headers},
            timeout=TIMEOUT,
        )
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def run(stack: RunningStack, *arguments: str) -> Any:
    done = stack.command("lifecycle", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def row_of(stack: RunningStack, version: str) -> dict[str, Any]:
    """What ``models list`` says of a version of SERVED."""
    return next((row for row in rows_of(stack) if row["version"] == version), {})


def trial(stack: RunningStack) -> dict[str, Any]:
    """What ``models trials`` says of SERVED."""
    (found,) = run(stack, "trials", SERVED)
    return dict(found)


def trial_once(stack: RunningStack, accept: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What ``models trials`` says of SERVED, asked when ``accept`` takes what the proxy has written down of it."""

    def written() -> dict[str, Any]:
        return asdict(read_outcome(stack.settings, SERVED, read_trials(stack.settings)[SERVED]))

    poll(written, accept)
    return trial(stack)


def has_ended(found: dict[str, Any]) -> bool:
    """Whether the proxy has ended a canary."""
    return found["end"] is not None


def is_canarys(user: str, version: str, percent: float, kind: str = "header") -> bool:
    """As ``proxy/njs/trials/assignment.js`` decides."""
    return hashed(f"{SERVED} {version} {kind} {user}") % 10000 < percent * 100


def expected(version: str, percent: float) -> dict[str, str]:
    return {user: version if is_canarys(user, version, percent) else "1.0" for user in USERS}
