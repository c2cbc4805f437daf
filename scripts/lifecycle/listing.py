"""What the models of a stack are doing, version by version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any

from rich.markup import escape
from rich.table import Table

from scripts.catalogue import Model
from scripts.ensembles import Ensemble
from scripts.lifecycle.running import running_archive
from scripts.lifecycle.trials import Trial, read_outcome, read_trials
from scripts.precision import EXACT
from scripts.settings import Settings
from scripts.store.index import IndexEntry
from scripts.torchserve.management import Management, ManagementError, ModelState

COLUMNS = ("Model", "Version", "State", "Workers", "Queue", "Precision", "Archive", "SHA-256")
_WIDE = 110  # all columns with the longest names of the catalogue
_COLOURS = {
    "ready": "green",
    "starting": "yellow",
    "idle": "dim",
    "not registered": "dim",
    "incomplete": "yellow",
    "refused": "red",
}


@dataclass(frozen=True)
class Row:
    """One version of a model, or a model of the catalogue without any.

    ``state`` is ``ready``, ``starting`` (no worker is READY yet, or again), ``idle`` (registered without a worker),
    ``not registered`` or ``refused`` (``error`` says why). ``default`` marks the version that answers; ``queue``
    counts the requests that wait. What is said of a registered archive is said of its content then; ``archive`` is the
    file that has it now. ``agreement`` is the percentage of pictures on which an archive of fewer bits answers like
    float32, ``proof`` whether that was looked at. ``members`` are those of an ensemble, which is ``ready`` or
    ``incomplete``. ``trial`` says that the version is a canary or a shadow. What is not known is None.
    """

    model: str
    version: str | None
    default: bool
    state: str
    workers: int
    ready: int
    queue: int
    precision: str | None
    preprocessing: str | None
    proof: str | None
    agreement: float | None
    archive: str | None
    sha256: str | None
    stand_in: bool | None
    error: str | None = None
    members: tuple[str, ...] | None = None
    trial: str | None = None


def list_rows(settings: Settings, catalogue: Mapping[str, Model], entries: Mapping[str, IndexEntry]) -> list[Row]:
    """All models: the catalogue's in its order, then others that are registered; the default version first.

    Raises ManagementError when TorchServe does not answer.
    """
    management = Management(settings)
    registered = management.names()
    names = {model.archive_name: name for name, model in catalogue.items()}
    trials = read_trials(settings)
    rows = []
    for archive_name in [*names, *(name for name in registered if name not in names)]:
        name = names.get(archive_name, archive_name)
        entry = entries.get(name, {})
        states = _states(management, archive_name) if archive_name in registered else []
        for index, state in enumerate(states):
            row = _row(settings, name, state, index == 0, entry.get("error"))
            rows.append(replace(row, trial=_trial(settings, name, state.version, trials.get(name))))
        if not states:
            rows.append(_absent(name, entry))
    return rows


def ensemble_rows(ensembles: Iterable[Ensemble], rows: Iterable[Row]) -> list[Row]:
    """The ensembles of the catalogue, by the rows of their members."""
    ready = {row.model for row in rows if row.default and row.state == "ready"}
    stand_ins = {row.model for row in rows if row.default and row.stand_in}
    return [_ensemble(ensemble, ready, stand_ins) for ensemble in ensembles]


def _ensemble(ensemble: Ensemble, ready: Set[str], stand_ins: Set[str]) -> Row:
    enough = any if ensemble.missing == "answer" else all
    state = "ready" if enough(member in ready for member in ensemble.members) else "incomplete"
    stand_in = any(member in stand_ins for member in ensemble.members)
    return replace(_absent(ensemble.name, {}), state=state, stand_in=stand_in, members=ensemble.members)


def unlisted(rows: list[Row], catalogue: Mapping[str, Model]) -> list[str]:
    """What to tell of registered models for which no client can ask."""
    names = dict.fromkeys(row.model for row in rows if row.model not in catalogue)
    return [
        f"{name} is registered and holds memory, but it is not in models.json, so that no client can ask for it; "
        f"`scripts/models unregister {name}` frees it"
        for name in names
    ]


def table(rows: list[Row], width: int) -> Table:
    """The rows as a person reads them in ``width`` columns; checksums are shortened, and where there is no room for
    them, they and the archives' names are left out.
    """
    columns = COLUMNS if width >= _WIDE else COLUMNS[:-2]
    shown = Table(*columns, box=None, pad_edge=False)
    for row in rows:
        state = f"[{_COLOURS[row.state]}]{row.state}[/]" + (" [yellow](stand-in)[/]" if row.stand_in else "")
        state += f" ({escape(row.trial.partition(':')[0])})" if row.trial else ""
        cells = (
            row.model if row.default or row.version is None else "",
            (row.version or "") + (" *" if row.default and _has_others(row, rows) else ""),
            state,
            f"{row.ready}/{row.workers}" if row.version else "",
            str(row.queue) if row.version else "",
            _precision(row),
            row.archive or (f"mean of {', '.join(row.members)}" if row.members else ""),
            (row.sha256 or "")[:12],
        )
        shown.add_row(*cells[: len(columns)])
    return shown


def _precision(row: Row) -> str:
    if row.proof is None:
        return row.precision or ""
    computed = f"{row.precision} {row.preprocessing}" if row.preprocessing else row.precision
    return f"{computed} {row.proof if row.agreement is None else f'{row.agreement:g} %'}"


def _has_others(row: Row, rows: list[Row]) -> bool:
    return sum(other.model == row.model for other in rows) > 1


def _states(management: Management, archive_name: str) -> list[ModelState]:
    try:
        return management.describe(archive_name)
    except ManagementError as error:
        if error.status == 404:
            return []
        raise


def _row(settings: Settings, name: str, state: ModelState, default: bool, error: str | None) -> Row:
    running = running_archive(settings, state)
    if running.description and not running.description.get("stand_in"):
        error = None  # of a build since: what runs serves on, unless it is a stand-in
    return Row(
        model=name,
        version=state.version,
        default=default,
        state="refused" if error else "ready" if state.ready else "starting" if state.min_workers else "idle",
        workers=state.min_workers,
        ready=state.ready,
        queue=state.queue,
        **_bits(running.description),
        archive=running.file,
        sha256=running.sha256,
        stand_in=running.description.get("stand_in"),
        error=error,
    )


def _trial(settings: Settings, name: str, version: str, trial: Trial | None) -> str | None:
    if trial is None or trial.version != version:
        return None
    end = read_outcome(settings, name, trial).end
    if end is None:
        return f"{trial.kind}, {trial.percent:g} %"
    return None if end["reason"] == "promoted" else f"{trial.kind}, aborted: {end['text']}"


def _bits(description: Mapping[str, Any]) -> dict[str, Any]:
    """What an archive computes in, whether it was compared with float32, and how that went."""
    precision, proof = description.get("precision"), description.get("proof")
    if precision in (None, EXACT):
        return {"precision": precision, "preprocessing": None, "proof": None, "agreement": None}
    agreement = round(proof["agreement"]["value"] * 100, 2) if proof else None
    return {
        "precision": precision,
        "preprocessing": description.get("preprocessing"),
        "proof": "proven" if proof else "unproven",
        "agreement": agreement,
    }


def _absent(name: str, entry: IndexEntry) -> Row:
    return Row(
        model=name,
        version=None,
        default=False,
        state="refused" if entry.get("error") else "not registered",
        workers=0,
        ready=0,
        queue=0,
        precision=entry.get("precision"),
        preprocessing=entry.get("preprocessing"),
        proof=entry.get("proof"),
        agreement=entry.get("agreement"),
        archive=entry.get("archive"),
        sha256=entry.get("sha256"),
        stand_in=entry.get("stand_in"),
        error=entry.get("error"),
    )
