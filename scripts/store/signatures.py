"""Whether archives are signed by somebody who is trusted: ``X.mar.sig`` beside ``X.mar``, if VERIFY_KEYS is set."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.environment import SettingsError
from scripts.errors import UserError
from scripts.files import sha256
from scripts.settings import Settings
from scripts.store.digests import THREADS, digests

if TYPE_CHECKING:
    from scripts.store.bundles import VerifyKey

_COPY = "where it was built, and copy both files here"


def signature_file(archive: Path) -> Path:
    """The file beside the archive with its signature."""
    return archive.with_name(f"{archive.name}.sig")


def verify_keys(settings: Settings) -> list[VerifyKey]:
    """The keys of VERIFY_KEYS, none if it is not set. Raises SettingsError for a file that has no such key."""
    if not settings.verify_keys:
        return []
    from scripts.store.bundles import load_keys  # 0.1 s, for those who verify

    return load_keys(settings.verify_keys)


class SignatureError(UserError):
    """An archive is not signed as VERIFY_KEYS wants it; the message names it and the remedy."""


def trusted_digests(settings: Settings, archives: Sequence[Path]) -> dict[Path, str | None]:
    """The SHA-256 of archives; None for one that cannot be read.

    Where signatures count, no record of digests is believed, and each file is read: who has mapped a file can change it
    without a trace in its times (mmap(2), "MAP_SHARED"), and who can exchange it could write a wrong digest beside it.
    """
    if not settings.verify_keys:
        return digests(settings.model_store, archives)
    with ThreadPoolExecutor(THREADS) as threads:
        return dict(zip(archives, threads.map(_sha256, archives), strict=True))


def signature_problem(settings: Settings, archive: Path, found: str | None = None) -> str | None:
    """What is wrong with an archive's signature; None if it is right, or VERIFY_KEYS is not set.

    ``found`` is the archive's SHA-256 where it has just been read. Raises OSError if the archive cannot be read.
    """
    if not settings.verify_keys:
        return None
    try:
        signed = signed_digest_of(settings, archive)
        require_content(archive, found or sha256(archive), signed)
    except SignatureError as error:
        return str(error)
    return None


def _sha256(archive: Path) -> str | None:
    try:
        return sha256(archive)
    except OSError:
        return None


def signed_digest_of(settings: Settings, archive: Path) -> str:
    """The SHA-256 that the archive's signature is of. Raises SignatureError if no key of VERIFY_KEYS made it."""
    from scripts.store.bundles import MOST_BYTES, BundleError, UnknownKeyError, signed_digest

    name, file = archive.name, signature_file(archive)
    try:
        with file.open("rb") as opened:
            return signed_digest(opened.read(MOST_BYTES), verify_keys(settings))
    except SettingsError as error:
        raise SignatureError(f"{name} cannot be verified: {error}") from error
    except OSError as error:
        raise SignatureError(
            f"{name} is not signed: there is no {file.name}; sign it (`make archives SIGN=KEY`) {_COPY}"
        ) from error
    except UnknownKeyError as error:
        raise SignatureError(
            f"{name} is not signed with a key of VERIFY_KEYS, or {file.name} was changed; sign it "
            f"(`make archives SIGN=KEY`) {_COPY}, or add the public key to VERIFY_KEYS"
        ) from error
    except BundleError as error:
        why = f"{name} has a signature that cannot be used, {file.name}: {error}"
        raise SignatureError(f"{why}; sign it (`make archives SIGN=KEY`) {_COPY}") from error


def require_content(archive: Path, found: str, signed: str) -> None:
    """Raise SignatureError unless the SHA-256 of what was read of an archive is the one that was signed."""
    if found != signed:
        file = signature_file(archive)
        raise SignatureError(
            f"{archive.name} is not what was signed: its SHA-256 is not the one in {file.name}; copy both files here "
            "again"
        )
