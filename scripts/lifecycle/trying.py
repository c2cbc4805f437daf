"""Try a version beside the one that serves: canary and shadow, and how they end."""

from __future__ import annotations

import secrets

from scripts.console import interruption_says
from scripts.lifecycle.audit import logged
from scripts.lifecycle.candidates import candidate, registered_version, require_next
from scripts.lifecycle.capacity import require_room
from scripts.lifecycle.changes import Lifecycle
from scripts.lifecycle.outcomes import Change, LifecycleError, UnfinishedError
from scripts.lifecycle.plans import LOAD_SECONDS
from scripts.lifecycle.trials import Kind, Limits, Trial, is_noticed, read_outcome, read_trials, record_trial
from scripts.processes import wait_until
from scripts.store.archive import Archive, ArchiveError
from scripts.store.unpacking import holds
from scripts.torchserve.management import ModelState
from scripts.torchserve.process import unpacked_folders
from scripts.torchserve.waiting import wait_ready

# Some rounds of the proxy's poller.
_NOTICE_SECONDS = 10.0
_POLL_SECONDS = 0.1


class Trying(Lifecycle):
    """A lifecycle with canaries and shadows."""

    @logged
    def canary(
        self,
        name: str,
        file_name: str,
        percent: float,
        by: str = "client",
        limits: Limits | None = None,
        workers: int = 1,
        seconds: float = LOAD_SECONDS,
    ) -> Change:
        """Let the archive's version answer a percentage of the clients, once its workers are READY.

        That of a canary which is under way, from the same archive, is only changed.
        """
        return self._try("canary", name, file_name, percent, by, limits or Limits(), workers, seconds)

    @logged
    def shadow(
        self, name: str, file_name: str, percent: float = 100.0, workers: int = 1, seconds: float = LOAD_SECONDS
    ) -> Change:
        """Ask the archive's version about a percentage of the pictures too, after their clients have got answers."""
        return self._try("shadow", name, file_name, percent, "client", Limits(), workers, seconds)

    @logged
    def promote(self, name: str, seconds: float = LOAD_SECONDS) -> Change:
        """Let the version that is tried serve, as by ``upgrade``."""
        name, trial = self._trial(name)
        states = self.versions(name)
        if states[0].version == trial.version:
            raise LifecycleError(
                f"version {trial.version} of {name} serves already; `abort {name}` ends the {trial.kind}"
            )
        if end := read_outcome(self.settings, name, trial).end:
            raise LifecycleError(
                f"version {trial.version} of {name} is no {trial.kind} any more ({end['text']}): `scripts/models abort "
                f"{name}` removes it, `upgrade` brings it into service nevertheless"
            )
        state, serving = registered_version(name, states, trial.version), states[0]
        if serving.min_workers > state.min_workers:
            self._start_again(state, serving.min_workers, seconds)
        else:
            wait_ready(self.management, self.settings, state.archive_name, state.version, 1, seconds)
            self._probe(state.archive_name, state.version, self._labels(state))
        workers = self._let_serve(serving, trial.version, state)
        self._forget(name)
        self._retire(serving, trial.version)
        return Change(name, trial.version, workers, serving.version)

    @logged
    def abort(self, name: str) -> Change:
        """Let the version that is tried answer nobody any more, and remove it; the archive stays."""
        name, trial = self._trial(name)
        states = self.versions(name)
        self._forget(name)
        self._drain_and_remove([state for state in states[1:] if state.version == trial.version])
        return Change(name, states[0].version, states[0].min_workers, trial.version)

    def _try(
        self,
        kind: Kind,
        name: str,
        file_name: str,
        percent: float,
        by: str,
        limits: Limits,
        workers: int,
        seconds: float,
    ) -> Change:
        states = self.versions(name)
        serving = states[0]
        name = self._clients_name(serving)
        archive = candidate(self.settings, self._catalogue, file_name)
        self._accept(archive)
        require_next(archive, serving, name, self.catalogue_name(archive.archive_name))
        self._require_same_labels(archive, serving)
        before = read_trials(self.settings).get(name)
        if before and read_outcome(self.settings, name, before).end is None:
            trial_id = self._require_same(name, before, kind, archive, states)
            state = registered_version(name, states, archive.version)
            if state.min_workers != workers:
                require_room(self.settings, self.management, state.archive_name, state.version, workers)
                self._scale(state, workers, seconds)
        else:
            trial_id = secrets.token_hex(8)
            require_room(self.settings, self.management, archive.archive_name, archive.version, workers)
            self._clear(name, before, archive, states)
            self._load(archive, workers, seconds)
        trial = Trial(kind, archive.version, serving.version, percent, by, trial_id, limits)
        record_trial(self.settings, name, trial)
        self._tell("Waiting until the proxy goes by it")
        now = f"version {trial.version} of {name} is recorded as a {kind}"
        then = f"`scripts/models trials` shows whether it does, `abort {name}` removes it"
        with interruption_says(f"Interrupted: {now}, and the proxy goes by it within seconds; {then}."):
            noticed = wait_until(lambda: is_noticed(self.settings, name, trial), _NOTICE_SECONDS, every=_POLL_SECONDS)
        if not noticed:
            raise UnfinishedError(f"{now}, but the proxy has not gone by it within {_NOTICE_SECONDS:g} s; {then}")
        return Change(name, archive.version, workers, serving.version)

    def _clear(self, name: str, ended: Trial | None, archive: Archive, states: list[ModelState]) -> None:
        """Remove what is left of a trial that has ended, and of the version that is to be tried."""
        if ended:
            self._forget(name)  # or the proxy may still take the workers of what has ended
        for state in states[1:]:
            if state.version in (archive.version, ended.version if ended else None):
                self._remove(state)

    def _forget(self, name: str) -> None:
        record_trial(self.settings, name, None)
        wait_until(lambda: is_noticed(self.settings, name, None), _NOTICE_SECONDS, every=_POLL_SECONDS)

    def _clients_name(self, serving: ModelState) -> str:
        """The clients' name of a model. Raises LifecycleError where none can ask for it."""
        name = self.catalogue_name(serving.archive_name)
        if name not in self._catalogue:
            raise LifecycleError(f"{name} is not in {self.settings.catalogue.name}: no client asks for it")
        if not serving.ready:
            raise LifecycleError(
                f"version {serving.version} of {name}, which would answer beside it, has no READY worker; "
                f"`scripts/models scale {name} 1` starts one"
            )
        return name

    def _require_same_labels(self, archive: Archive, serving: ModelState) -> None:
        labels = self._labels(serving)
        if archive.labels and labels and sorted(archive.labels) != sorted(labels):
            raise ArchiveError(
                f"{archive.file.name} answers with other labels ({', '.join(archive.labels)}) than version "
                f"{serving.version}, which serves ({', '.join(labels)}): clients would see both; use `upgrade`"
            )

    def _require_same(self, name: str, before: Trial, kind: Kind, archive: Archive, states: list[ModelState]) -> str:
        """The id of what is under way. Raises LifecycleError if it is of another kind, version or content."""
        state = next((state for state in states if state.version == archive.version), None)
        folders = unpacked_folders(self.settings, state.archive_file) if state else []
        if before.kind == kind and any(holds(folder, archive.file) for folder in folders):
            return before.id
        raise LifecycleError(
            f"version {before.version} of {name} is a {before.kind} now; `scripts/models promote {name}` or `abort "
            f"{name}` first"
        )

    def _trial(self, name: str) -> tuple[str, Trial]:
        """The clients' name of a model, and its trial. Raises LifecycleError without one."""
        name = self.catalogue_name(self.archive_name(name))
        trial = read_trials(self.settings).get(name)
        if trial is None:
            raise LifecycleError(f"{name} has no canary and no shadow; `scripts/models trials` shows those there are")
        return name, trial
