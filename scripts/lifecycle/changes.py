"""Change what a running stack serves: register, scale, upgrade, roll back. No request fails during a change.

TorchServe is never asked to wait (``synchronous``): it would wait on one of the two threads that serve predictions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from scripts import ensembles
from scripts.catalogue import load_catalogue
from scripts.files import exclusive
from scripts.lifecycle.audit import logged
from scripts.lifecycle.candidates import (
    candidate,
    registered_version,
    require_next,
    version_in_store,
    what_is_registered,
)
from scripts.lifecycle.capacity import require_room
from scripts.lifecycle.closing import closed
from scripts.lifecycle.history import record_version_before, version_before
from scripts.lifecycle.outcomes import Change, LifecycleError, UnknownModelError
from scripts.lifecycle.trials import record_trial, require_no_trial
from scripts.settings import Settings
from scripts.store import served
from scripts.store.archive import Archive, registered_labels, require_checksum
from scripts.store.choices import record_choice
from scripts.store.unpacking import discard, unpack
from scripts.torchserve.inference import probe
from scripts.torchserve.management import Management, ManagementError, ModelState
from scripts.torchserve.waiting import drain, wait_ready

LOAD_SECONDS = 120.0


class Lifecycle:
    """Changes the models of the running stack that ``settings`` describe.

    ``tell`` is called with a message before each step that takes time. While another process makes a change, this waits
    for its end, ``patience`` seconds at most. A method that raises LifecycleError, ArchiveError, NotLoadedError,
    InferenceError, WaitingError, ManagementError or LockedError changes nothing.
    """

    def __init__(self, settings: Settings, tell: Callable[[str], None], patience: float = 0.0) -> None:
        self.settings = settings
        self.management = Management(settings, timeout=LOAD_SECONDS)
        self._catalogue = load_catalogue(settings.catalogue)
        self._tell = tell
        self._patience = patience

    def archive_name(self, name: str) -> str:
        """TorchServe's name of a model, given that name or the one in ``models.json``. Raises UnknownModelError."""
        if refusal := ensembles.refusal(self.settings.catalogue, name):
            raise UnknownModelError(refusal)
        return self._catalogue[name].archive_name if name in self._catalogue else name.replace("+", "plus")

    def catalogue_name(self, archive_name: str) -> str:
        """The model's name in the catalogue, which clients use; TorchServe's own if it is not there."""
        return next((m.name for m in self._catalogue.values() if m.archive_name == archive_name), archive_name)

    def versions(self, name: str) -> list[ModelState]:
        """The registered versions of a model, the default one first. Raises UnknownModelError without any."""
        try:
            return self.management.describe(self.archive_name(name))
        except ManagementError as error:
            if error.status != 404:
                raise
            raise UnknownModelError(
                f"{name} is not registered; `scripts/models list` shows what is, `register {name}` adds it"
            ) from error

    @logged
    def register(
        self, what: str, workers: int, seconds: float = LOAD_SECONDS, beside: bool = False, asked_by: str | None = None
    ) -> Change:
        """Register a model of the catalogue, or an archive of the model store by file name.

        Nothing is changed if that archive is registered already. With ``beside`` other versions of the model go on
        answering. ``asked_by`` is for the log.
        """
        archive = candidate(self.settings, self._catalogue, what, chosen=True)
        name = self.catalogue_name(archive.archive_name)
        states: list[ModelState] = []
        with contextlib.suppress(UnknownModelError):
            states = self.versions(archive.archive_name)
        if states and not (beside and archive.version not in [state.version for state in states]):
            change = what_is_registered(self.settings, name, archive, states)
        else:
            require_room(self.settings, self.management, archive.archive_name, archive.version, workers)
            self._load(archive, workers, seconds)
            change = Change(name, archive.version, workers)
        if not states or change.version == states[0].version:
            record_choice(self.settings, archive.archive_name, change.version)
        return change

    @logged
    def unregister(self, name: str, version: str | None = None) -> list[str]:
        """Remove a model or one version, once it has answered what it was asked. Returns the removed versions."""
        states = self.versions(name)
        going = states if version is None else [registered_version(name, states, version)]
        clients_name = self.catalogue_name(states[0].archive_name)
        if states[0] not in going:
            require_no_trial(self.settings, clients_name, version)
            self._drain_and_remove(going)
        elif len(going) < len(states):
            raise LifecycleError(
                f"{name} {version} serves, and can only go with all other versions: leave out --version, or let "
                "another one serve first (upgrade, rollback)"
            )
        else:
            with closed(self.settings, clients_name, states[0].archive_name):
                # A request may have started a worker meanwhile.
                self._drain_and_remove(self.versions(name))
            record_trial(self.settings, clients_name, None)
            record_choice(self.settings, states[0].archive_name, states[0].version)
        return [state.version for state in going]

    @logged
    def scale(self, name: str, workers: int, version: str | None = None, seconds: float = LOAD_SECONDS) -> Change:
        """Give a model ``workers`` workers and wait for them; 0 keeps it registered, to be loaded by a request."""
        states = self.versions(name)
        state = states[0] if version is None else registered_version(name, states, version)
        require_room(self.settings, self.management, state.archive_name, state.version, workers)
        self._scale(state, workers, seconds)
        return Change(self.catalogue_name(state.archive_name), state.version, workers)

    @logged
    def upgrade(self, name: str, file_name: str, seconds: float = LOAD_SECONDS) -> Change:
        """Bring the archive's version up beside the one that serves, check it, switch, and retire the old one.

        The old version stays registered without a worker, for ``rollback``.
        """
        states = self.versions(name)
        old = states[0]
        require_no_trial(self.settings, self.catalogue_name(old.archive_name))
        archive = candidate(self.settings, self._catalogue, file_name)
        require_next(archive, old, name, self.catalogue_name(archive.archive_name))
        for state in states[1:]:
            if state.version == archive.version:
                self._remove(state)
        self._load(archive, max(1, old.min_workers), seconds)
        change = self._switch(old, archive.version)
        for state in states[1:]:
            if state.version != archive.version and state.min_workers == 0:
                self._remove(state)
        return change

    @logged
    def rollback(self, name: str, seconds: float = LOAD_SECONDS) -> Change:
        """Go back to the version that served before the last upgrade or rollback."""
        states = self.versions(name)
        serving = states[0]
        require_no_trial(self.settings, self.catalogue_name(serving.archive_name))
        target = version_before(self.settings, states)
        if target is None:
            raise LifecycleError(
                f"{name} has no version to go back to: {serving.version} is the first that served here"
            )
        registered = next((state for state in states if state.version == target), None)
        workers = max(1, serving.min_workers)
        if registered:
            labels = self._labels(registered)
            self._tell(f"Starting {workers} worker(s) of version {target}")
            self._scale(registered, max(workers, registered.min_workers), seconds)
            try:
                self._probe(registered.archive_name, target, labels)
            except BaseException:
                self.management.scale(registered.archive_name, target, registered.min_workers)
                raise
        else:
            archive = version_in_store(self.settings, serving.archive_name, target)
            require_checksum(self.settings, archive)
            self._load(archive, workers, seconds)
        return self._switch(serving, target)

    def _load(self, archive: Archive, workers: int, seconds: float) -> None:
        """Register an archive, start its workers and probe them; if that fails, remove it again."""
        name, version = archive.archive_name, archive.version
        self._tell(f"Loading {self.catalogue_name(name)} {version} with {workers} worker(s)")
        unpacked = unpack(self.settings, archive.file)
        folder = str(unpacked)
        try:
            self.management.register(folder, name)
        except BaseException:
            discard(self.settings, folder)
            raise
        try:
            self.management.scale(name, version, workers)
            if workers:
                wait_ready(self.management, self.settings, name, version, workers, seconds)
                self._probe(name, version, archive.labels)
        except BaseException:
            with contextlib.suppress(ManagementError):
                self.management.unregister(name, version)
            discard(self.settings, folder)
            raise
        served.note_registered(self.settings.model_store, name, version, unpacked)

    def _drain_and_remove(self, states: list[ModelState]) -> None:
        """Remove versions that get no new requests, the default one last."""
        for state in reversed(states):
            if state.ready:
                self._tell(f"Waiting until version {state.version} has answered what it was asked")
                drain(self.management, self.settings, state)
            self._remove(state)

    def _remove(self, state: ModelState) -> None:
        self.management.unregister(state.archive_name, state.version)
        discard(self.settings, state.archive_file)

    def _probe(self, archive_name: str, version: str, labels: list[str]) -> None:
        self._tell(f"Checking version {version} with an image")
        probe(self.settings, archive_name, version, labels)

    def _labels(self, state: ModelState) -> list[str]:
        return registered_labels(self.settings.model_store, state.archive_name, state.version, state.archive_file)

    def _scale(self, state: ModelState, workers: int, seconds: float) -> None:
        """Change the number of workers and wait for them; if they do not load, go back."""
        self.management.scale(state.archive_name, state.version, workers)
        try:
            if workers:
                wait_ready(self.management, self.settings, state.archive_name, state.version, workers, seconds)
        except BaseException:
            with contextlib.suppress(ManagementError):
                self.management.scale(state.archive_name, state.version, state.min_workers)
            raise

    def _switch(self, old: ModelState, version: str) -> Change:
        """Let ``version`` answer, then retire the old one: it stays registered, without a worker."""
        self._tell(f"Switching from version {old.version} to {version}")
        self.management.set_default(old.archive_name, version)
        try:
            record_version_before(self.settings, old.archive_name, old.version)
            record_choice(self.settings, old.archive_name, version)
        except OSError as error:  # a full disk: the new version serves already
            self._tell(f"{old.version} is not remembered for a rollback: {error}")
        drain(self.management, self.settings, old)
        self.management.scale(old.archive_name, old.version, 0)
        workers = self.management.describe(old.archive_name)[0].min_workers
        return Change(self.catalogue_name(old.archive_name), version, workers, old.version)

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """One change at a time."""
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        return exclusive(self.settings.run_dir, self._tell if self._patience else None, self._patience)
