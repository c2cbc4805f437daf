"""What a start restores: the models as they were registered and scaled, as far as their archives are still there.

``registered.json`` in the run directory holds what the last start registered; TorchServe's own snapshots say what was
changed since.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.catalogue import Model, chosen
from scripts.ensembles import load_ensembles
from scripts.files import write_text
from scripts.memory import max_workers
from scripts.settings import Settings
from scripts.stack.last_state import last_state, state_file
from scripts.store import served
from scripts.store.archive import Archive, ArchiveError, check_archive, find_version, read_archive
from scripts.store.choices import chosen_version
from scripts.store.index import VERIFICATION, IndexEntry
from scripts.store.unpacking import Folders, unpack_all
from scripts.torchserve.management import Management, ManagementError
from scripts.torchserve.snapshot import Entry, Snapshot, default_version, entry, written_files

REGISTER_SECONDS = 60.0


@dataclass
class Plan:
    """What a start registers, by archive name.

    ``unavailable`` was registered before and cannot be now; ``unregistered`` was removed by a user. ``notes`` are
    messages for the person who starts the stack; ``problems`` are those about models that are missing.
    """

    models: Snapshot = field(default_factory=dict)
    unavailable: Snapshot = field(default_factory=dict)
    unregistered: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def workers(self, archive_name: str) -> int:
        """How many workers the model's default version gets; 0 also if it is not registered."""
        versions = self.models.get(archive_name)
        return int(versions[default_version(versions)]["minWorkers"]) if versions else 0


def plan_start(
    settings: Settings,
    catalogue: Mapping[str, Model],
    entries: Mapping[str, IndexEntry],
    loaded: Sequence[Model] | None,
) -> Plan:
    """Decide what a start registers.

    ``entries`` are the index's. ``loaded`` are the models that LOAD_MODELS names, which decides for all models of
    the catalogue whether they get workers; None keeps the last state, and gives new models one worker.
    """
    saved, unregistered = last_state(settings)
    servable = {m.archive_name: m for m in catalogue.values() if m.name in entries and not entries[m.name]["error"]}
    # What a file that lies here is not worth says nothing of another version's.
    unverified = {m.archive_name: entries[m.name]["error"] for m in catalogue.values() if _unverified(entries, m)}
    refused = {model.archive_name for model in catalogue.values()} - servable.keys() - unverified.keys()
    named = {model.archive_name for model in loaded or []}
    plan = Plan(unregistered=unregistered - named)
    for name, versions in saved.items():
        problem = None if name in refused else _restore(settings, name, versions, plan)
        if problem and problem != unverified.get(name):
            (plan.notes if name in servable else plan.problems).append(f"not restored: {problem}")
        if name not in plan.models:
            plan.unavailable[name] = versions
    for name, model in servable.items():
        if name in plan.models:
            _note_newer(settings, model, plan)
        elif name not in plan.unregistered:
            _add(settings, model, plan)
        if loaded is not None and name in plan.models:
            _set_workers(plan.models[name], name in named)
    _bound_workers(plan, max_workers(settings))
    return plan


def models_to_load(settings: Settings, catalogue: dict[str, Model]) -> list[Model] | None:
    """The models LOAD_MODELS names, or whose ensemble it does; None if it is not set.

    Raises SettingsError for one not in the catalogue.
    """
    if not settings.load_models:
        return None
    if settings.load_models in ("all", "none"):
        return list(catalogue.values()) if settings.load_models == "all" else []
    ensembles = load_ensembles(settings.catalogue)
    names = chosen("LOAD_MODELS", settings.load_models, [*catalogue, *ensembles], settings.catalogue)
    members = [member for name in names for member in (ensembles[name].members if name in ensembles else [name])]
    return [catalogue[name] for name in dict.fromkeys(members)]


def record(settings: Settings, plan: Plan, *, done: bool) -> None:
    """Record what a start registers, in place of the record before; again, ``done``, when it has registered it.

    TorchServe's snapshots until then are removed: those of a start that was interrupted hold only a part of the plan.
    """
    consumed = written_files(settings)
    state = {
        "models": plan.models,
        "waiting": plan.unavailable,
        "unregistered": sorted(plan.unregistered),
        "done": done,
        "consumed": [path.name for path in consumed],
    }
    path = state_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, json.dumps(state, indent=2) + "\n")
    for file in consumed:
        file.unlink(missing_ok=True)


def unpack(settings: Settings, plan: Plan) -> Folders:
    """Unpack the plan's archives; the folder of each file, or why there is none."""
    files = {saved["marName"] for versions in plan.models.values() for saved in versions.values()}
    return unpack_all(settings, [settings.model_store / file for file in sorted(files)])


def register(settings: Settings, plan: Plan, folders: Folders) -> None:
    """Register what was unpacked for the plan with TorchServe, which starts the workers.

    A version that was not unpacked, as on a full disk, or is not registered becomes a problem of the plan; if it is
    the default one, the model waits for a later start.
    """
    management = Management(settings, timeout=REGISTER_SECONDS)
    for name, versions in list(plan.models.items()):
        default = default_version(versions)
        for version in sorted(versions, key=lambda version: version != default):
            folder = folders[settings.model_store / versions[version]["marName"]]
            try:
                if isinstance(folder, ArchiveError):
                    raise folder
                _register(management, name, version, versions[version], folder)
                served.note_registered(settings, name, version, folder)
            except (ArchiveError, ManagementError) as error:
                plan.problems.append(f"not registered: {error}")
                failed = versions.pop(version)
                if version == default:
                    plan.unavailable.setdefault(name, {version: failed} | plan.models.pop(name))
                    break


def _register(management: Management, name: str, version: str, saved: Entry, folder: Path) -> None:
    """Register one version; the first of a model becomes its default one."""
    management.register(str(folder), name, saved)
    management.scale(name, version, saved["minWorkers"])


def _unverified(entries: Mapping[str, IndexEntry], model: Model) -> bool:
    return entries.get(model.name, {}).get("refused_by") == VERIFICATION


def _restore(settings: Settings, name: str, versions: dict[str, Entry], plan: Plan) -> str | None:
    """Add those versions to the plan whose archives are there and whole; says why if the default one's is not."""
    restored: dict[str, Entry] = {}
    for version, saved in versions.items():
        try:
            known = served.contents(settings, name, version)
            archive = find_version(settings.model_store, name, version, saved["marName"], known)
            check_archive(settings, archive)
            _refuse_another_models(settings, name, archive)
        except ArchiveError as error:
            if version == default_version(versions):
                return str(error)
            plan.notes.append(f"not restored: {error}")
            continue
        restored[version] = entry(archive, saved["minWorkers"], default=saved["defaultVersion"], saved=saved)
    plan.models[name] = restored
    return None


def _add(settings: Settings, model: Model, plan: Plan) -> None:
    """Add the archive that somebody chose, or else the one that the build left last.

    It gets as many workers as the model had, one if it is new. A version that served is waited for.
    """
    name, saved = model.archive_name, plan.unavailable.get(model.archive_name)
    workers = saved[default_version(saved)]["minWorkers"] if saved else 1
    wanted = default_version(saved) if saved else chosen_version(settings, name)
    try:
        archive = _built(settings, model, None if saved else wanted)
    except ArchiveError as error:
        plan.problems.append(str(error))
        return
    plan.models[name] = {archive.version: entry(archive, workers)}
    if wanted in served.versions(settings, name) and wanted != archive.version:
        plan.problems.append(
            f"{model.name}: version {archive.version} serves until {wanted} is back; "
            f"`scripts/models register {archive.file.name}` settles for it"
        )
    else:
        plan.unavailable.pop(name, None)


def _built(settings: Settings, model: Model, wanted: str | None) -> Archive:
    """The archive of version ``wanted`` if there is one, else the last. Raises ArchiveError."""
    store, name = settings.model_store, model.archive_name
    if wanted:
        with contextlib.suppress(ArchiveError):
            return find_version(store, name, wanted, "", served.contents(settings, name, wanted))
    last = read_archive(store / model.archive_file)
    _refuse_another_models(settings, name, last)
    return find_version(store, name, last.version, model.archive_file, served.contents(settings, name, last.version))


def _refuse_another_models(settings: Settings, name: str, archive: Archive) -> None:
    """Raise ArchiveError for a signed archive under another one's name: a signature says nothing of the file's name."""
    if settings.verify_keys and archive.archive_name != name:
        raise ArchiveError(f"{archive.file.name}: holds {archive.archive_name}, not {name}; copy it here again")


def _note_newer(settings: Settings, model: Model, plan: Plan) -> None:
    """Say so when the build left a version that no upgrade has switched to yet."""
    versions = plan.models[model.archive_name]
    try:
        built = read_archive(settings.model_store / model.archive_file).version
    except ArchiveError:
        return
    if built not in versions:
        plan.notes.append(
            f"{model.name}: version {built} is built, {default_version(versions)} serves as before; "
            f"`scripts/models upgrade {model.name}` switches"
        )


def _set_workers(versions: dict[str, Entry], loaded: bool) -> None:
    default = versions[default_version(versions)]
    default["minWorkers"] = max(1, default["minWorkers"]) if loaded else 0
    default["maxWorkers"] = max(1, default["minWorkers"])


def _bound_workers(plan: Plan, most: int) -> None:
    """Leave ``most`` workers of all models together, but one of each: those that have most of them lose some."""
    entries = [one for versions in plan.models.values() for one in versions.values()]
    saved = sum(one["minWorkers"] for one in entries)
    for _ in range(saved - most):
        largest = max(entries, key=lambda one: one["minWorkers"])
        largest["minWorkers"] = largest["maxWorkers"] = max(1, largest["minWorkers"] - 1)
    if (left := sum(one["minWorkers"] for one in entries)) < saved:
        plan.notes.append(f"{left} workers instead of {saved}: all models together may have {most} (MAX_WORKERS)")
