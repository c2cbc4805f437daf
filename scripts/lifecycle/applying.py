"""Bring a running stack to what a file says shall run; a model that fails keeps no other from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from scripts.errors import NOT_RUNNING, UserError
from scripts.lifecycle.changes import Lifecycle
from scripts.lifecycle.desired import DesiredError, Wish
from scripts.lifecycle.listing import Row
from scripts.lifecycle.trials import require_no_trial
from scripts.precision import EXACT
from scripts.store.archive import Archive, ArchiveError, kept_file, read_archive
from scripts.store.checksums import read_checksum

Act = Callable[[], object]


@dataclass(frozen=True)
class Step:
    """What is to be done for one model: ``text`` says it, and ``acts`` do it, none if it is so already.

    ``error`` says why it cannot be done.
    """

    model: str
    text: str
    acts: tuple[Act, ...] = ()
    error: UserError | None = None


class Applying:
    """Compares wishes with ``rows``, what runs, and makes the changes one after the other."""

    def __init__(self, lifecycle: Lifecycle, rows: Sequence[Row], seconds: float) -> None:
        self._lifecycle = lifecycle
        self._serving = {row.model: row for row in rows if row.default}
        self._seconds = seconds

    def steps(self, wishes: Sequence[Wish], *, prune: bool) -> Iterator[Step]:
        """What has to be done; with ``prune`` models that are not wished for are unregistered."""
        named = [self._lifecycle.catalogue_name(self._lifecycle.archive_name(wish.model)) for wish in wishes]
        for name, wish in zip(named, wishes, strict=True):
            try:
                yield self._step(name, wish)
            except UserError as error:
                yield Step(name, f"! {name}: {error}", error=error)
        for name in [name for name in self._serving if prune and name not in named]:
            yield Step(name, f"- {name}: is unregistered", (partial(self._lifecycle.unregister, name),))

    def _step(self, name: str, wish: Wish) -> Step:
        row = self._serving.get(name)
        if row is None:
            archive, workers = self._archive(name, wish), 1 if wish.workers is None else wish.workers
            register = partial(self._lifecycle.register, archive.file.name, workers, self._seconds)
            return Step(name, f"+ {name}: {archive.version} with {workers} worker(s)", (register,))
        workers = row.workers if wish.workers is None else wish.workers
        acts: list[Act] = []
        told = []
        if not wish.accepts(row.version, row.sha256, row.precision):
            archive = self._archive(name, wish)
            require_no_trial(self._lifecycle.settings, name)
            acts.append(partial(self._lifecycle.upgrade, name, archive.file.name, self._seconds))
            told.append(f"version {row.version} → {archive.version}")
        if workers != (max(1, row.workers) if acts else row.workers):
            acts.append(partial(self._lifecycle.scale, name, workers, seconds=self._seconds))
        if workers != row.workers:
            told.append(f"workers {row.workers} → {workers}")
        if not acts:
            return Step(name, f"= {name}: {row.version} with {row.workers} worker(s)")
        return Step(name, f"~ {name}: {', '.join(told)}", tuple(acts))

    def _archive(self, name: str, wish: Wish) -> Archive:
        """The archive in the model store that is wished for, the one built last first. Raises DesiredError."""
        store, archive_name = self._lifecycle.settings.model_store, self._lifecycle.archive_name(name)
        last = store / f"{archive_name}.mar"
        kept = sorted(store.glob(kept_file(archive_name, "*")), reverse=True)
        found = []
        for path in [last, *kept]:
            try:
                archive = read_archive(path)
            except ArchiveError:
                continue
            precision, sha256 = archive.description.get("precision", EXACT), read_checksum(path)
            if archive.archive_name == archive_name and wish.accepts(archive.version, sha256, precision):
                return archive
            found.append(f"{path.name} ({archive.version}, {precision}, {(sha256 or 'no checksum')[:12]})")
        raise DesiredError(
            f"no archive in {store} is what is wished for; there is {', '.join(found) or 'none of this model'}"
        )


def carry_out(step: Step) -> UserError | None:
    """Make the changes of a step; why they failed, None if they did not. Raises UserError if nothing runs any more."""
    if step.error:
        return step.error
    try:
        for act in step.acts:
            act()
    except UserError as error:
        if error.exit_code == NOT_RUNNING:
            raise
        return error
    return None
