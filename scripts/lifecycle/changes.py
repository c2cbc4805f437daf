"""Change what a running stack serves: register, scale, upgrade, roll back. No request fails during a change.

TorchServe is never asked to wait (``synchronous``): it would wait on one of the two threads that serve predictions.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace

from scripts.console import interruption_says
from scripts.errors import UserError
from scripts.files import exclusive
from scripts.lifecycle.audit import logged
from scripts.lifecycle.candidates import registered_version
from scripts.lifecycle.closing import closed
from scripts.lifecycle.history import record_version_before
from scripts.lifecycle.outcomes import Change, UnfinishedError
from scripts.lifecycle.plans import LOAD_SECONDS, LoadingPlan, Planner
from scripts.lifecycle.trials import record_trial
from scripts.settings import Settings
from scripts.store import served
from scripts.store.archive import Archive, registered_labels
from scripts.store.choices import record_choice
from scripts.store.index import accept
from scripts.store.unpacking import discard, unpack
from scripts.torchserve.inference import probe
from scripts.torchserve.management import ManagementError, ModelState
from scripts.torchserve.waiting import drain, wait_ready


class Lifecycle(Planner):
    """Changes the models of the running stack that ``settings`` describe.

    ``tell`` is called with a message before each step that takes time. While another process makes a change, this waits
    for its end, ``patience`` seconds at most. ``asked_by`` is the name of the key of another machine that asked, for
    the log. A method that raises LifecycleError, ArchiveError, NotLoadedError, InferenceError, WaitingError,
    ManagementError or LockedError changes nothing; UnfinishedError says what is so now.
    """

    def __init__(
        self, settings: Settings, tell: Callable[[str], None], patience: float = 0.0, asked_by: str | None = None
    ) -> None:
        super().__init__(settings)
        self.asked_by = asked_by
        self._tell = tell
        self._patience = patience

    @logged
    def register(self, what: str, workers: int, seconds: float = LOAD_SECONDS, beside: bool = False) -> Change:
        """Register a model of the catalogue, or an archive of the model store by file name.

        Nothing is changed if that archive is registered already. With ``beside`` other versions of the model go on
        answering.
        """
        plan = self.plan_register(what, workers, beside)
        self._accept(plan.archive)
        if plan.change.changed:
            self._load(plan.archive, workers, seconds)
        if not plan.states or plan.change.version == plan.states[0].version:
            record_choice(self.settings, plan.archive.archive_name, plan.change.version)
        return plan.change

    @logged
    def unregister(self, name: str, version: str | None = None) -> list[str]:
        """Remove a model or one version, once it has answered what it was asked. Returns the removed versions."""
        going = self.plan_unregister(name, version)
        if len(going) < len(self.versions(name)):
            self._drain_and_remove(going)
        else:
            serving, clients_name = going[0], self.catalogue_name(going[0].archive_name)
            with closed(self.settings, clients_name, serving.archive_name):
                # A request may have started a worker meanwhile.
                self._drain_and_remove(self.versions(name))
            record_trial(self.settings, clients_name, None)
            record_choice(self.settings, serving.archive_name, serving.version)
        return [state.version for state in going]

    @logged
    def scale(self, name: str, workers: int, version: str | None = None, seconds: float = LOAD_SECONDS) -> Change:
        """Give a model ``workers`` workers and wait for them; 0 keeps it registered, to be loaded by a request."""
        plan = self.plan_scale(name, workers, version)
        self._scale(registered_version(name, plan.states, plan.change.version), workers, seconds)
        return replace(plan.change, changed=True)

    @logged
    def upgrade(self, name: str, file_name: str, seconds: float = LOAD_SECONDS) -> Change:
        """Bring the archive's version up beside the one that serves, check it, switch, and retire the old one.

        The old version stays registered without a worker, for ``rollback``.
        """
        plan = self.plan_upgrade(name, file_name)
        self._accept(plan.archive)
        if plan.change.version == plan.states[0].version:
            if plan.change.before:
                self._retire(registered_version(name, plan.states, plan.change.before), plan.change.version)
            return plan.change
        old, others = plan.states[0], plan.states[1:]
        for state in others:
            if state.version == plan.archive.version:
                self._remove(state)
        self._load(plan.archive, plan.change.workers, seconds)
        change = self._switch(old, plan.archive.version, None)
        for state in others:
            if state.version != plan.archive.version and state.min_workers == 0:
                self._remove(state)
        return change

    @logged
    def rollback(self, name: str, seconds: float = LOAD_SECONDS) -> Change:
        """Go back to the version that served before the last upgrade or rollback."""
        plan = self.plan_rollback(name)
        target = None
        if isinstance(plan, LoadingPlan):
            self._load(plan.archive, plan.change.workers, seconds)
        else:
            target = registered_version(name, plan.states, plan.change.version)
            self._start_again(target, plan.change.workers, seconds)
        return self._switch(plan.states[0], plan.change.version, target)

    def _accept(self, archive: Archive) -> None:
        """Take back that a start refused what the build made of a model; it was verified again, and is right."""
        for model in self._catalogue.values():
            if (archive.archive_name, archive.file.name) == (model.archive_name, model.archive_file):
                accept(self.settings, model.name)

    def _start_again(self, state: ModelState, workers: int, seconds: float) -> None:
        """Start workers of a version that is registered, and probe them; if that fails, go back."""
        labels = self._labels(state)
        self._tell(f"Starting {workers} worker(s) of version {state.version}")
        self._scale(state, max(workers, state.min_workers), seconds)
        try:
            self._probe(state.archive_name, state.version, labels)
        except BaseException:
            with contextlib.suppress(ManagementError):
                self.management.scale(state.archive_name, state.version, state.min_workers)
            raise

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
        served.note_registered(self.settings, name, version, unpacked)

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

    def _switch(self, old: ModelState, version: str, before: ModelState | None) -> Change:
        """Let ``version`` answer, then retire the old one. ``before`` is how it was before its workers were started."""
        workers = self._let_serve(old, version, before)
        self._retire(old, version)
        return Change(self.catalogue_name(old.archive_name), version, workers, old.version)

    def _let_serve(self, old: ModelState, version: str, before: ModelState | None) -> int:
        """Make a version the default one; returns how many workers it has. If that fails, it is as ``before`` again."""
        self._tell(f"Switching from version {old.version} to {version}")
        try:
            workers = registered_version(old.archive_name, self.versions(old.archive_name), version).min_workers
            self.management.set_default(old.archive_name, version)
        except BaseException:
            with contextlib.suppress(UserError):  # TorchServe removes no version that serves
                self._take_back(old, version, before)
            raise
        try:
            record_version_before(self.settings, old.archive_name, old.version)
            record_choice(self.settings, old.archive_name, version)
        except OSError as error:  # a full disk: the new version serves already
            self._tell(f"{old.version} is not remembered for a rollback: {error}")
        return workers

    def _take_back(self, old: ModelState, version: str, before: ModelState | None) -> None:
        states = self.versions(old.archive_name)
        if states[0].version == version:  # although no answer said so
            self._tell(f"Version {version} serves now, {old.version} keeps its workers")
        elif before:
            self.management.scale(old.archive_name, version, before.min_workers)
        else:
            self._remove(registered_version(old.archive_name, states, version))

    def _retire(self, old: ModelState, version: str) -> None:
        """Take the workers of ``old``, in whose place ``version`` serves, when it has answered; it stays registered."""
        name = self.catalogue_name(old.archive_name)
        now = f"version {version} of {name} serves now, and {old.version} still has its workers"
        then = f"`scripts/models scale {name} 0 --version {old.version}` ends them"
        try:
            with interruption_says(f"Interrupted: {now}; {then}."):
                drain(self.management, self.settings, old)
                self.management.scale(old.archive_name, old.version, 0)
        except ManagementError as error:
            raise UnfinishedError(f"{now} ({error}); {then}") from error

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """One change at a time."""
        self.settings.run_dir.mkdir(parents=True, exist_ok=True)
        return exclusive(self.settings.run_dir, self._tell if self._patience else None, self._patience)
