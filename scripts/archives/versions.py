"""Which version an archive is built in: one that has served keeps its content, what changed becomes the next one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.settings import Settings
from scripts.store import served
from scripts.store.archive import kept_file
from scripts.store.records import Record

FIRST_VERSION = "1.0"
_LAST_NUMBER = re.compile(r"(\d+)$", re.ASCII)


class VersionError(UserError):
    """An archive cannot be built in the version that was asked for."""


@dataclass(frozen=True)
class Request:
    """What a build was asked for beyond building what changed.

    ``version`` is for what is built; ``force`` builds also what did not change. ``named``: for these models alone, so
    that a version is given to them even if nothing else changed.
    """

    version: str | None = None
    force: bool = False
    named: bool = False


def present_version(record: Record | None) -> str:
    """The version that an archive has, or would have if nothing of it had served."""
    return record.version if record else FIRST_VERSION


def next_version(settings: Settings, model: Model, record: Record | None, wanted: str | None, *, same: bool) -> str:
    """The version for the archive that takes the place of ``record``'s; ``same`` if it is made from the same.

    Raises VersionError if ``wanted`` has another content already.
    """
    version = wanted or present_version(record)
    if _is_free(settings, model, record, version, same):
        return version
    while not _is_free(settings, model, record, version, same):
        version = _following(version)
    if wanted:
        raise VersionError(
            f"{model.name}: version {wanted} is another content already, which has served or is kept; use "
            f"ARCHIVE_VERSION={version}, or leave it out"
        )
    return version


def _is_free(settings: Settings, model: Model, record: Record | None, version: str, same: bool) -> bool:
    """Whether an archive may get ``version``: nobody knows another content under it."""
    if record and version == record.version:
        return same or record.stand_in or version not in served.versions(settings, model.archive_name)
    return (
        version not in served.versions(settings, model.archive_name)
        and not (settings.model_store / kept_file(model.archive_name, version)).exists()
    )


def _following(version: str) -> str:
    """``1.0`` → ``1.1``, ``2`` → ``3``, ``beta`` → ``beta.1``."""
    found = _LAST_NUMBER.search(version)
    return f"{version[: found.start()]}{int(found[1]) + 1}" if found else f"{version}.1"
