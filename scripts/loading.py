"""Wait for the workers of one version: until they are READY, or have answered their last request."""

from __future__ import annotations

import contextlib
import time

from scripts.inference import InferenceError, probe
from scripts.management import Management, ManagementError, ModelState
from scripts.settings import Settings
from scripts.worker_log import last_error

DRAIN_SECONDS = 60.0
_POLL_SECONDS = 0.1
# After the last request was computed its answer is still on its way through TorchServe.
_LAST_ANSWER_SECONDS = 0.5
# TorchServe starts a worker that died while loading again and again; the third process means it will not load.
HOPELESS_PROCESSES = 3


class NotLoadedError(RuntimeError):
    """The workers of a version end while they load; the message says why, if the log does."""


class WaitingError(RuntimeError):
    """Workers were not READY in time."""


def wait_ready(
    management: Management, settings: Settings, archive_name: str, version: str, workers: int, seconds: float
) -> None:
    """Return when ``workers`` workers are READY. Raises NotLoadedError when they never will be, WaitingError late."""
    deadline = time.monotonic() + seconds
    pids: set[int] = set()
    while True:
        state = next((s for s in management.describe(archive_name) if s.version == version), None)
        if state is None:
            raise ManagementError(f"{archive_name} {version} was unregistered meanwhile", 404)
        if state.ready >= workers:
            return
        pids |= state.pids
        if not state.ready and len(pids) >= workers - 1 + HOPELESS_PROCESSES:
            raise NotLoadedError(
                f"{archive_name} {version} does not load: {last_error(settings, archive_name, version)}"
            )
        if time.monotonic() > deadline:
            raise WaitingError(
                f"{archive_name} {version}: {state.ready} of {workers} workers are READY after "
                f"{round(seconds, 1):g} s; `scripts/models logs {archive_name}` may say why"
            )
        time.sleep(_POLL_SECONDS)


def drain(management: Management, settings: Settings, state: ModelState) -> None:
    """Wait, at most DRAIN_SECONDS, until a version that gets no new requests has answered the ones before.

    TorchServe tells how many requests wait, but not which ones a worker computes. A request of our own, behind all
    others, is answered after them by a lone worker; several may each compute a whole batch meanwhile.
    """
    if not state.ready:
        return
    deadline = time.monotonic() + DRAIN_SECONDS
    while _queue(management, state) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    started = time.monotonic()
    with contextlib.suppress(InferenceError):
        probe(settings, state.archive_name, state.version, [])
    batch = (time.monotonic() - started) * state.batch_size if state.ready > 1 else 0.0
    time.sleep(min(batch, DRAIN_SECONDS) + _LAST_ANSWER_SECONDS)


def _queue(management: Management, state: ModelState) -> int:
    return sum(s.queue for s in management.describe(state.archive_name) if s.version == state.version)
