"""Wait for the workers of one version: until they are READY, or have answered their last request."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from scripts.errors import LATE, NOT_LOADED, UserError
from scripts.processes import taken_ports, wait_until
from scripts.settings import Settings
from scripts.torchserve.inference import InferenceError, probe
from scripts.torchserve.management import Management, ManagementError, ModelState, NoKeyError
from scripts.torchserve.process import CONFIG, TorchServeError, last_lines, start_log
from scripts.torchserve.worker_log import last_error

START_SECONDS = 180.0
DRAIN_SECONDS = 60.0
_POLL_SECONDS = 0.1
# TorchServe writes its keys at about the time at which it begins to listen.
_KEY_SECONDS = 5.0
_KEY_REFUSED = (400, 401, 403)  # 400 is what it answers to a wrong key; the others are in its documentation
# After the last request was computed its answer is still on its way through TorchServe.
_LAST_ANSWER_SECONDS = 0.5
# TorchServe starts a worker that died while loading again and again; the third process means it will not load.
MAX_FAILED_PROCESSES = 3


class NotLoadedError(UserError):
    """The workers of a version end while they load; the message says why, if the log does."""

    exit_code = NOT_LOADED


class WaitingError(UserError):
    """Workers were not READY in time."""

    exit_code = LATE


class LoadAttempts:
    """The processes in which the workers of a model have tried to load, as seen so far."""

    def __init__(self) -> None:
        self._pids: set[int] = set()

    def have_failed(self, *states: ModelState) -> bool:
        """Whether the workers of ``states`` (versions of one model, as TorchServe shows them now) will never load."""
        for state in states:
            self._pids |= state.pids
        further = max(1, sum(state.min_workers for state in states)) - 1
        return not any(state.ready for state in states) and len(self._pids) >= further + MAX_FAILED_PROCESSES


def wait_ready(
    management: Management, settings: Settings, archive_name: str, version: str, workers: int, seconds: float
) -> None:
    """Return when ``workers`` workers are READY. Raises NotLoadedError when they never will be, WaitingError late."""
    deadline = time.monotonic() + seconds
    attempts = LoadAttempts()
    while True:
        state = next((s for s in management.describe(archive_name) if s.version == version), None)
        if state is None:
            raise ManagementError(f"{archive_name} {version} was unregistered while its workers were waited for", 404)
        if state.ready >= workers:
            return
        if attempts.have_failed(state):
            raise NotLoadedError(
                f"{archive_name} {version} does not load: {last_error(settings, archive_name, version)}"
            )
        if time.monotonic() > deadline:
            raise WaitingError(
                f"{archive_name} {version}: {state.ready} of {workers} workers are READY after "
                f"{round(seconds, 1):g} s; `scripts/models logs {archive_name}` may say why"
            )
        time.sleep(_POLL_SECONDS)


def wait_for_answer(settings: Settings, alive: Callable[[], bool]) -> None:
    """Wait until the management API answers.

    Raises TorchServeError when it does not, when ``alive`` says that it ended, or when it listens but takes no key.
    """
    management = Management(settings)
    refused_since = float("inf")

    def answers() -> bool:
        nonlocal refused_since
        try:
            management.names()
        except ManagementError as error:
            refused_since = min(refused_since, time.monotonic()) if _refuses(settings, error) else float("inf")
            if time.monotonic() - refused_since > _KEY_SECONDS:
                raise TorchServeError(
                    f"TorchServe listens on port {settings.management_port} but gives no access: {error}; remove a "
                    f"disable_token_authorization=true from {CONFIG.name}, and let nothing else write the key file"
                ) from error
            return not alive()
        return True

    if not wait_until(answers, START_SECONDS) or not alive():
        raise TorchServeError(f"TorchServe does not answer; {last_lines(start_log(settings))}")


def _refuses(settings: Settings, error: ManagementError) -> bool:
    """Whether TorchServe is up and takes no key of ours; for a moment that is so at every start."""
    if isinstance(error, NoKeyError):
        return bool(taken_ports([settings.management_port], "127.0.0.1"))
    return error.status in _KEY_REFUSED


def drain(management: Management, settings: Settings, state: ModelState) -> None:
    """Wait, at most DRAIN_SECONDS, until a version that gets no new requests has answered the ones before.

    TorchServe reports how many requests wait, but not which ones a worker computes. A probe sent after all other
    requests is answered after them by a single worker; of several, each may still compute a whole batch.
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
