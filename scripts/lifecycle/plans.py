"""What a change of the models would come to, and whether it may be made: all checks that load nothing."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from typing import Any

from scripts import ensembles
from scripts.catalogue import load_catalogue
from scripts.lifecycle.candidates import (
    candidate,
    registered_version,
    require_next,
    serves,
    version_in_store,
    what_is_registered,
)
from scripts.lifecycle.capacity import require_room
from scripts.lifecycle.history import version_before
from scripts.lifecycle.outcomes import Change, LifecycleError, UnknownModelError
from scripts.lifecycle.trials import require_no_trial
from scripts.settings import Settings
from scripts.store.archive import Archive, require_checksum
from scripts.store.checksums import read_checksum
from scripts.torchserve.management import Management, ManagementError, ModelState

LOAD_SECONDS = 120.0


@dataclass(frozen=True)
class Plan:
    """A change that may be made. ``change`` is what it comes to; ``states`` are the registered versions of the model,
    the default one first.
    """

    states: list[ModelState]
    change: Change

    @property
    def sha256(self) -> str | None:
        """The digest of the archive that is to be loaded; None where none is."""
        return None


@dataclass(frozen=True)
class LoadingPlan(Plan):
    """One for which ``archive`` has to be loaded, unless that is so already."""

    archive: Archive

    @property
    def sha256(self) -> str | None:
        """The digest of the archive."""
        return read_checksum(self.archive.file)


class Planner:
    """Plans changes of the models of the running stack that ``settings`` describe; it makes none.

    Its methods raise LifecycleError, ArchiveError or ManagementError for what may not be done.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.management = Management(settings, timeout=LOAD_SECONDS)
        self._catalogue = load_catalogue(settings.catalogue)

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

    def plan_register(self, what: str, workers: int, beside: bool = False) -> LoadingPlan:
        """Plan to register a model of the catalogue or an archive; ``beside`` allows other versions of the model."""
        archive = candidate(self.settings, self._catalogue, what, chosen=True)
        name = self.catalogue_name(archive.archive_name)
        states: list[ModelState] = []
        with contextlib.suppress(UnknownModelError):
            states = self.versions(archive.archive_name)
        if states and not (beside and archive.version not in [state.version for state in states]):
            return LoadingPlan(states, what_is_registered(self.settings, name, archive, states), archive)
        require_room(self.settings, self.management, archive.archive_name, archive.version, workers)
        return LoadingPlan(states, Change(name, archive.version, workers), archive)

    def plan_unregister(self, name: str, version: str | None = None) -> list[ModelState]:
        """The versions that would go with a model, or with one of its versions."""
        states = self.versions(name)
        if version is None:
            return states
        going = registered_version(name, states, version)
        if going is not states[0]:
            require_no_trial(self.settings, self.catalogue_name(going.archive_name), version)
        elif len(states) > 1:
            raise LifecycleError(
                f"{name} {version} serves, and can only go with all other versions: leave out --version, or let "
                "another one serve first (upgrade, rollback)"
            )
        return [going]

    def plan_scale(self, name: str, workers: int, version: str | None = None) -> Plan:
        """Plan to give a version, by default the one that serves, ``workers`` workers."""
        states = self.versions(name)
        state = states[0] if version is None else registered_version(name, states, version)
        require_room(self.settings, self.management, state.archive_name, state.version, workers)
        change = Change(self.catalogue_name(state.archive_name), state.version, workers)
        return Plan(states, replace(change, changed=state.min_workers != workers))

    def plan_upgrade(self, name: str, file_name: str) -> LoadingPlan:
        """Plan to let the version in an archive serve."""
        states = self.versions(name)
        old, clients_name = states[0], self.catalogue_name(states[0].archive_name)
        require_no_trial(self.settings, clients_name)
        archive = candidate(self.settings, self._catalogue, file_name)
        if serves(self.settings, archive, old):
            left = self._left_behind(states)
            return LoadingPlan(states, Change(clients_name, old.version, old.min_workers, left, bool(left)), archive)
        require_next(archive, old, name, self.catalogue_name(archive.archive_name))
        self._require_room_for_first_worker(old, archive.version)
        return LoadingPlan(states, Change(clients_name, archive.version, max(1, old.min_workers), old.version), archive)

    def plan_rollback(self, name: str) -> Plan:
        """Plan to let the version serve that served before."""
        states = self.versions(name)
        serving, clients_name = states[0], self.catalogue_name(states[0].archive_name)
        require_no_trial(self.settings, clients_name)
        target = version_before(self.settings, states)
        if target is None:
            raise LifecycleError(
                f"{name} has no version to go back to: {serving.version} is the first that served here"
            )
        self._require_room_for_first_worker(serving, target)
        change = Change(clients_name, target, max(1, serving.min_workers), serving.version)
        if target in [state.version for state in states]:
            return Plan(states, change)
        archive = version_in_store(self.settings, serving.archive_name, target)
        require_checksum(self.settings, archive)
        return LoadingPlan(states, change, archive)

    def _left_behind(self, states: list[ModelState]) -> str | None:
        """The version that served before, if it has workers still: its upgrade was interrupted."""
        before = version_before(self.settings, states)
        return next((state.version for state in states[1:] if state.version == before and state.min_workers), None)

    def _require_room_for_first_worker(self, serving: ModelState, version: str) -> None:
        """Raise CapacityError if ``serving``, which ``version`` replaces, has no worker and there is no room for one.

        Otherwise as many end as are started, and both versions may have theirs for the time between.
        """
        if serving.min_workers == 0:
            require_room(self.settings, self.management, serving.archive_name, version, 1)


def as_json(plan: Plan) -> dict[str, Any]:
    """What a dry run answers: the change, and the digest of what would be loaded."""
    return {**vars(plan.change), "sha256": plan.sha256}
