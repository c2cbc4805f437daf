"""Sign archives with OpenSSF's model-signing: ``X.mar.sig`` beside ``X.mar``, which VERIFY_KEYS is compared with.

A signature is made for what the archive's checksum file says, so that a file which is exchanged meanwhile gets none.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.store.checksums import read_checksum
from scripts.store.records import archive_intact, read_record
from scripts.store.signatures import signature_file

if TYPE_CHECKING:
    from scripts.store.bundles import VerifyKey

_CURVES = "secp256r1, secp384r1 or secp521r1"


class SigningError(UserError):
    """Archives cannot be signed; the message says why and what to do."""


class Signer:
    """Signs with the private key in a PEM file; SIGN_PASSWORD in the environment is its password, if it has one.

    Raises SigningError if the key cannot be used, or model-signing is not installed.
    """

    def __init__(self, key_file: Path) -> None:
        try:
            from model_signing import signing
        except ImportError as error:
            raise SigningError(
                f"signing needs model-signing, which is missing ({error}); `make archives SIGN={key_file}` installs it"
            ) from error
        password = os.environ.get("SIGN_PASSWORD")
        try:
            # Its annotation says str, and cryptography takes bytes.
            given: Any = password.encode() if password else None
            self._config = signing.Config().use_elliptic_key_signer(private_key=key_file, password=given)
            self._key = _public_key(key_file, given)
        except OSError as error:
            raise SigningError(f"SIGN={key_file}: cannot be read ({error.strerror})") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise SigningError(
                f"SIGN={key_file}: is no private key of {_CURVES} in PEM form that can be read ({error}); "
                f"`openssl ecparam -name prime256v1 -genkey -noout -out {key_file.name}` makes one; SIGN_PASSWORD is "
                "for one with a password"
            ) from error

    def has_signed(self, archive: Path, sha256: str) -> bool:
        """Whether the archive's signature is of this key, and of that content."""
        from scripts.store.bundles import MOST_BYTES, BundleError, signed_digest

        try:
            with signature_file(archive).open("rb") as file:
                return signed_digest(file.read(MOST_BYTES), [self._key]) == sha256
        except (OSError, BundleError):
            return False

    def sign(self, archive: Path, sha256: str) -> None:
        """Put a signature beside an archive. Raises SigningError if it has another content than ``sha256`` now."""
        file = signature_file(archive)
        new = file.with_name(f".{file.name}.{os.getpid()}")
        try:
            self._config.sign(archive, new)
            new.replace(file)
        finally:
            new.unlink(missing_ok=True)
        if not self.has_signed(archive, sha256):
            file.unlink(missing_ok=True)
            raise SigningError(f"{archive.name}: has other content than its checksum file says; it is not signed")


def sign_all(store: Path, models: Iterable[Model], signer: Signer, console: Console) -> None:
    """Sign the archives of models, and the versions kept of them, that this key has not signed yet."""
    signed = []
    for archive, sha256 in ((archive, sha256) for model in models for archive, sha256 in _archives(store, model)):
        if not signer.has_signed(archive, sha256):
            signer.sign(archive, sha256)
            signed.append(archive.name)
    said = f"Signed {', '.join(signed)}." if signed else "All archives are signed with this key already."
    console.print(said, markup=False, soft_wrap=True)


def _archives(store: Path, model: Model) -> Iterable[tuple[Path, str]]:
    """The model's archives that are as the build left them, with the SHA-256 of each."""
    record = read_record(store, model)
    if record and archive_intact(store, model, record):
        yield store / model.archive_file, record.sha256
    for kept in sorted(store.glob(f"{model.archive_name}-*.mar")):
        if sha256 := read_checksum(kept):
            yield kept, sha256


def _public_key(key_file: Path, password: bytes | None) -> VerifyKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    from scripts.store.bundles import VerifyKey

    key: Any = load_pem_private_key(key_file.read_bytes(), password)
    return VerifyKey(key.public_key())
