"""Whether archives are signed by somebody who is trusted: ``X.mar.sig`` beside ``X.mar``, if VERIFY_KEYS is set."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.environment import SettingsError
from scripts.settings import Settings
from scripts.store.digests import digest, digests

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


def trusted_digests(settings: Settings, archives: Sequence[Path]) -> dict[Path, str | None]:
    """The SHA-256 of archives; None for one that cannot be read.

    Where signatures count, the record of digests is that of the run directory: whoever can exchange an archive in the
    model store could write a wrong digest beside it.
    """
    return digests(settings.run_dir if settings.verify_keys else settings.model_store, archives)


def trusted_digest(settings: Settings, archive: Path) -> str:
    """The same of one archive. Raises OSError if it cannot be read."""
    return digest(settings.run_dir if settings.verify_keys else archive.parent, archive)


def signature_problem(settings: Settings, archive: Path) -> str | None:
    """What is wrong with an archive's signature; None if it is right, or VERIFY_KEYS is not set."""
    if not settings.verify_keys:
        return None
    from scripts.store.bundles import MOST_BYTES, BundleError, UnknownKeyError, signed_digest

    name, file = archive.name, signature_file(archive)
    try:
        with file.open("rb") as opened:
            signed = signed_digest(opened.read(MOST_BYTES), verify_keys(settings))
    except SettingsError as error:
        return f"{name} cannot be verified: {error}"
    except OSError:
        return f"{name} is not signed: there is no {file.name}; sign it (`make archives SIGN=KEY`) {_COPY}"
    except UnknownKeyError:
        return (
            f"{name} is not signed with a key of VERIFY_KEYS, or {file.name} was changed; sign it "
            f"(`make archives SIGN=KEY`) {_COPY}, or add the public key to VERIFY_KEYS"
        )
    except BundleError as error:
        why = f"{name} has a signature that cannot be used, {file.name}: {error}"
        return f"{why}; sign it (`make archives SIGN=KEY`) {_COPY}"
    if trusted_digest(settings, archive) != signed:
        return f"{name} is not what was signed: its SHA-256 is not the one in {file.name}; copy both files here again"
    return None
