"""Whether a part of the stack still gives signs of life."""

from __future__ import annotations

import time
from contextlib import suppress

import requests

from scripts.proxy.own import is_alive
from scripts.settings import Settings

# How often a part is asked for a sign of life, and for how long it may give none.
PROBE_SECONDS = 5.0
HUNG_SECONDS = 20.0


class Probe:
    """Asks a part for a sign of life from time to time: any answer over HTTP is one."""

    def __init__(self, settings: Settings, name: str) -> None:
        self._settings = settings
        self._is_proxy = name == "proxy"
        # A part is watched from when its start has had an answer from it.
        self._asked = self._answered = time.monotonic()

    def problem(self) -> str | None:
        """That the last answer is too long ago, in words; asks anew when it is time."""
        if time.monotonic() - self._asked >= PROBE_SECONDS:
            self._asked = time.monotonic()
            if is_alive(self._settings, PROBE_SECONDS) if self._is_proxy else self._torchserve_answers():
                self._answered = time.monotonic()
        hangs = time.monotonic() - self._answered > HUNG_SECONDS
        return f"gave no sign of life for {HUNG_SECONDS:g} s" if hangs else None

    def _torchserve_answers(self) -> bool:
        with suppress(requests.RequestException), requests.Session() as session:
            session.trust_env = False
            session.get(f"http://127.0.0.1:{self._settings.inference_port}/ping", timeout=PROBE_SECONDS)
            return True
        return False
