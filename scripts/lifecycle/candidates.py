"""The archive that is to be registered: found in the model store and checked."""

from __future__ import annotations

from collections.abc import Mapping

from scripts import ensembles
from scripts.catalogue import Model
from scripts.lifecycle.outcomes import Change, LifecycleError, UnknownModelError
from scripts.settings import Settings
from scripts.store.archive import Archive, ArchiveError, read_archive, require_checksum, store_path
from scripts.store.index import read_index
from scripts.store.unpacking import holds
from scripts.torchserve.management import ModelState
from scripts.torchserve.process import unpacked_folders


def candidate(settings: Settings, catalogue: Mapping[str, Model], what: str) -> Archive:
    """The archive of a model of the catalogue, or the one with that file name; its checksum is right.

    Raises UnknownModelError for what is neither, ArchiveError for an archive that must not be served.
    """
    model = catalogue.get(what)
    if model:
        _require_servable(settings, model)
    elif refusal := ensembles.refusal(settings.catalogue, what):
        raise UnknownModelError(refusal)
    elif not what.endswith(".mar"):
        place = settings.catalogue.name
        raise UnknownModelError(f"{what} is neither in {place} nor the file name of an archive (….mar)")
    archive = read_archive(store_path(settings.model_store, model.archive_file if model else what))
    require_checksum(settings, archive)
    if model and archive.archive_name != model.archive_name:
        raise ArchiveError(f"{archive.file.name}: holds {archive.archive_name}; build it again")
    return archive


def what_is_registered(settings: Settings, name: str, archive: Archive, states: list[ModelState]) -> Change:
    """What there is of the model ``name`` already, if it is that very archive. Raises LifecycleError if it is not."""
    state = next((state for state in states if state.version == archive.version), None)
    if state is None:
        raise LifecycleError(
            f"{name} is registered already, version {states[0].version}; `scripts/models upgrade {name} "
            f"{archive.file.name}` replaces it"
        )
    if not any(holds(folder, archive.file) for folder in unpacked_folders(settings, state.archive_file)):
        raise LifecycleError(
            f"{name} is registered already, version {state.version}, but not from what is in {archive.file.name} now; "
            "build that with a version of its own (`make archives ARCHIVE_VERSION=…`) and upgrade"
        )
    return Change(name, state.version, state.min_workers, changed=False)


def _require_servable(settings: Settings, model: Model) -> None:
    entry = read_index(settings.index_file).get(model.name)
    if entry is None:
        raise ArchiveError(f"{model.name}: no archive is built yet; put its checkpoint into results/, `make archives`")
    if entry["error"]:
        raise ArchiveError(f"{model.name}: {entry['error']}")
