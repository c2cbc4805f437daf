"""The archive that is to be registered: found in the model store and checked."""

from __future__ import annotations

from collections.abc import Mapping

from scripts import ensembles
from scripts.catalogue import Model
from scripts.lifecycle.outcomes import Change, LifecycleError, UnknownModelError
from scripts.settings import Settings
from scripts.store import served
from scripts.store.archive import Archive, ArchiveError, find_version, read_archive, require_checksum, store_path
from scripts.store.checksums import read_checksum
from scripts.store.choices import chosen_version
from scripts.store.index import VERIFICATION, read_index
from scripts.store.unpacking import holds
from scripts.torchserve.management import ModelState
from scripts.torchserve.process import unpacked_folders


def candidate(settings: Settings, catalogue: Mapping[str, Model], what: str, *, chosen: bool = False) -> Archive:
    """The archive of a model of the catalogue, or the one with that file name; its checksum is right.

    Of a model's versions it is the one that was built last, or with ``chosen`` the one that somebody made serve.
    Raises UnknownModelError for what is neither, ArchiveError for an archive that must not be served, also since its
    version has served with other content.
    """
    model = catalogue.get(what)
    if model:
        _require_servable(settings, model)
    elif refusal := ensembles.refusal(settings.catalogue, what):
        raise UnknownModelError(refusal)
    elif not what.endswith(".mar"):
        place = settings.catalogue.name
        raise UnknownModelError(f"{what} is neither in {place} nor the file name of an archive (….mar)")
    version = chosen_version(settings, model.archive_name) if model and chosen else None
    if model and version:
        archive = _chosen(settings, model, version)
    else:
        archive = read_archive(store_path(settings.model_store, model.archive_file if model else what))
    require_checksum(settings, archive)
    if model and archive.archive_name != model.archive_name:
        raise ArchiveError(f"{archive.file.name}: holds {archive.archive_name}; build it again")
    _require_own_content(settings, archive)
    return archive


def version_in_store(settings: Settings, archive_name: str, version: str) -> Archive:
    """The archive of a version, with the content it has served with. Raises ArchiveError if no file holds that."""
    known = served.contents(settings, archive_name, version)
    return find_version(settings.model_store, archive_name, version, "", known)


def require_next(archive: Archive, old: ModelState, name: str, held: str) -> None:
    """Raise LifecycleError unless the archive is another version of ``name``; it holds the model ``held``."""
    if archive.archive_name != old.archive_name:
        raise LifecycleError(f"{archive.file.name} holds {held}; give an archive of {name}")
    if archive.version == old.version:
        raise LifecycleError(
            f"{archive.file.name} is version {archive.version}, which serves already; build the new one with "
            "another version: `make archives ARCHIVE_VERSION=…`"
        )


def serves(settings: Settings, archive: Archive, serving: ModelState) -> bool:
    """Whether the version that serves is that very archive."""
    named = (serving.archive_name, serving.version)
    folders = (
        unpacked_folders(settings, serving.archive_file) if (archive.archive_name, archive.version) == named else []
    )
    return any(holds(folder, archive.file) for folder in folders)


def registered_version(name: str, states: list[ModelState], version: str) -> ModelState:
    """A version of the model ``name``. Raises UnknownModelError if it is not registered."""
    for state in states:
        if state.version == version:
            return state
    raise UnknownModelError(
        f"{name} has no version {version} registered, only {', '.join(state.version for state in states)}"
    )


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


def _chosen(settings: Settings, model: Model, version: str) -> Archive:
    try:
        return version_in_store(settings, model.archive_name, version)
    except ArchiveError as error:
        last = read_archive(store_path(settings.model_store, model.archive_file))
        if version not in served.versions(settings, model.archive_name):
            return last
        if last.version == version:
            raise
        raise ArchiveError(
            f"{error}; `scripts/models register {model.archive_file}` takes the one that was built last"
        ) from error


def _require_own_content(settings: Settings, archive: Archive) -> None:
    """Raise ArchiveError if the archive's version has served with other content.

    What the build makes again under a version that has served, it notes as that version's.
    """
    known = served.contents(settings, archive.archive_name, archive.version)
    sha256 = read_checksum(archive.file)
    if known and sha256 not in known:
        raise ArchiveError(
            f"{archive.file.name}: version {archive.version} of {archive.archive_name} has served with other content "
            f"(SHA-256 {', '.join(sorted(known))}) than this ({sha256}); build this as another version (`make archives "
            "ARCHIVE_VERSION=…`), or copy the archive that served here again"
        )


def _require_servable(settings: Settings, model: Model) -> None:
    entry = read_index(settings.index_file).get(model.name)
    if entry is None:
        raise ArchiveError(f"{model.name}: no archive is built yet; put its checkpoint into results/, `make archives`")
    if entry["error"] and entry.get("refused_by") != VERIFICATION:  # that is verified here again
        raise ArchiveError(f"{model.name}: {entry['error']}")
