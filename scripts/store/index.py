"""``model_store/index.json``: what may be served of each model, read by the stack and the proxy."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypedDict

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.files import write_text
from scripts.precision import EXACT, FAST
from scripts.settings import Settings
from scripts.store.checksums import archive_problems
from scripts.store.records import Record

STAND_IN_REFUSED = (
    "its archive is that of a stand-in; put its checkpoint into results/ and run `make archives`, "
    "or set STAND_INS=allowed"
)
# What refuses an archive on this host (``IndexEntry.refused_by``).
VERIFICATION, SERVE_ONLY = "verification", "serve_only"
_STAYS = "; the archive built before stays in service"


class IndexFileError(UserError):
    """The index is broken."""


class IndexEntry(TypedDict, total=False):
    """One model. ``error`` says why it must not be served, ``warning`` what its users should know.

    ``refused_by`` says that this host gave the error and not the build: ``verification`` of the file that lies here, or
    ``serve_only``. Such an error goes with its cause.
    ``proof`` and ``agreement`` are those of archives of fewer bits: ``proven`` or ``unproven``, and the percentage of
    pictures with the same answer as in float32. ``instruction_sets`` are those of the processor that it was proven on.
    """

    archive: str | None
    version: str
    stand_in: bool
    runtime: str
    precision: str
    temperature: float
    preprocessing: str
    proof: str
    agreement: float
    instruction_sets: list[str]
    sha256: str
    error: str | None
    refused_by: str
    warning: str


def read_index(path: Path) -> dict[str, IndexEntry]:
    """The entries by the models' names in the catalogue; empty if nothing was built yet.

    Raises IndexFileError where the file is no index.
    """
    try:
        entries: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise IndexFileError(f"{path} cannot be read ({error}); delete it, and run `make archives`") from None
    return entries


def write_index(path: Path, entries: dict[str, IndexEntry]) -> None:
    """Replace the index."""
    write_text(path, json.dumps(entries, indent=2, ensure_ascii=False) + "\n")


def index_entry(model: Model, record: Record | None, error: str | None, *, stand_ins: bool) -> IndexEntry:
    """Decide whether the archive on disk may be served although ``error`` kept it from being rebuilt.

    An archive of a real checkpoint stays in service, with a warning, also if its entry in the catalogue has changed
    since: clients are told what it says of itself. One of a stand-in does not. ``stand_ins`` says whether stand-ins may
    serve at all.
    """
    if record and record.stand_in and not stand_ins and not error:
        error = STAND_IN_REFUSED
    if record is None:
        error = error or f"{model.archive_file} is not built yet; run `make archives`"
    elif error and record.stand_in:
        record = None
    if record is None:
        return {"archive": None, "stand_in": False, "error": error}
    entry: IndexEntry = {
        "archive": model.archive_file,
        "version": record.version,
        "stand_in": record.stand_in,
        "runtime": record.inputs["runtime"],
        "precision": record.precision,
        "sha256": record.sha256,
        "error": None,
    }
    if temperature := record.inputs.get("temperature"):
        entry["temperature"] = temperature
    if record.preprocessing == FAST:
        entry["preprocessing"] = FAST
    if record.precision != EXACT:
        entry["proof"] = "proven" if record.proof else "unproven"
    if record.proof:
        entry["agreement"] = round(record.proof["agreement"]["value"] * 100, 2)
        entry["instruction_sets"] = record.proof["instruction_sets"]
    if error:
        entry["warning"] = f"{error}{_STAYS}"
    return entry


def build_error(entry: IndexEntry) -> str | None:
    """Why the build could not rebuild the archive, whether or not the old one is still served."""
    error = entry.get("error") or entry.get("warning", "").removesuffix(_STAYS)
    return error if error and error != STAND_IN_REFUSED and "refused_by" not in entry else None


def verified_index(settings: Settings, names: Iterable[str]) -> dict[str, IndexEntry]:
    """The entries of ``names`` after their archives were verified; what is wrong with one becomes its entry's error."""
    entries = read_index(settings.index_file)
    if refuse(entries, VERIFICATION, verify_checksums(settings)):
        with contextlib.suppress(OSError):  # a model store that is read-only
            write_index(settings.index_file, entries)
    return {name: entries[name] for name in names if name in entries}


def refuse(entries: dict[str, IndexEntry], by: str, problems: Mapping[str, str | None]) -> bool:
    """Give entries the errors that this host has found, in place of those that it found before; whether one changed.

    ``problems`` are by name; an entry that is not among them keeps what it has.
    """
    before = json.dumps(entries)
    for name, problem in problems.items():
        entry = entries[name]
        if entry.get("refused_by") == by:
            del entry["refused_by"]
            entry["error"] = None
        if problem:
            entry["refused_by"] = entry.get("refused_by", by)
            entry["error"] = problem
    return json.dumps(entries) != before


def accept(settings: Settings, name: str) -> None:
    """Take back that this host refused a model's archive, which has turned out right since."""
    entries = read_index(settings.index_file)
    if name in entries and refuse(entries, VERIFICATION, {name: None}):
        with contextlib.suppress(OSError):
            write_index(settings.index_file, entries)


def verify_checksums(settings: Settings) -> dict[str, str | None]:
    """Compare every archive of the index with its ``.sha256`` file, and with its signature if VERIFY_KEYS is set.

    Returns for each model, by name, None or a message that says what is wrong.
    """
    archives = {
        name: settings.model_store / archive
        for name, entry in read_index(settings.index_file).items()
        if (archive := entry.get("archive"))
    }
    problems = archive_problems(settings, archives.values())
    return {name: problems[archive] for name, archive in archives.items()}
