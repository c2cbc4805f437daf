"""Signatures as OpenSSF's model-signing makes them with a key: which content was signed, and with which key.

A signature is a Sigstore bundle (JSON) around a DSSE envelope around an in-toto statement, which names the SHA-256 of
the signed file: https://github.com/sigstore/model-transparency. Only that much of it is read here as a signature by a
key takes: model-signing itself brings the clients of Sigstore's services, which a host that serves does not need.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.environment import SettingsError

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"
# The file itself, where a file is signed and not a folder.
_THE_FILE = "."
MOST_BYTES = 1 << 16

# The curves of model-signing, by cryptography's names: those of WebCrypto, and the hash that goes with each.
CURVES: dict[str, tuple[str, hashes.HashAlgorithm]] = {
    "secp256r1": ("P-256", hashes.SHA256()),
    "secp384r1": ("P-384", hashes.SHA384()),
    "secp521r1": ("P-521", hashes.SHA512()),
}


class BundleError(ValueError):
    """A signature that does not hold; the message says why, and names no file."""


class UnknownKeyError(BundleError):
    """It was made with a key that is not among those given."""


@dataclass(frozen=True)
class VerifyKey:
    """A public key that signatures are accepted of."""

    public: ec.EllipticCurvePublicKey

    @property
    def curve(self) -> str:
        """The curve, by WebCrypto's name."""
        return CURVES[self.public.curve.name][0]

    @property
    def spki(self) -> bytes:
        """The key as SubjectPublicKeyInfo, in DER (RFC 5280, 4.1)."""
        return self.public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)

    def verifies(self, signature: bytes, signed: bytes) -> bool:
        """Whether ``signature`` (DER) is this key's of the bytes ``signed``."""
        try:
            self.public.verify(signature, signed, ec.ECDSA(CURVES[self.public.curve.name][1]))
        except InvalidSignature:
            return False
        return True


def load_keys(files: Sequence[Path]) -> list[VerifyKey]:
    """The public keys in PEM files. Raises SettingsError for a file that has none, or one of another kind."""
    return [_load_key(file) for file in files]


def signed_digest(bundle: bytes, keys: Sequence[VerifyKey]) -> str:
    """The SHA-256 of the file that a signature is of. Raises BundleError unless one of the keys made it."""
    try:
        content = json.loads(bundle)
        if content["mediaType"] != MEDIA_TYPE:
            raise BundleError(f"its media type is {content['mediaType']!r:.80}")
        envelope = content["dsseEnvelope"]
        (signature,) = envelope["signatures"]
        payload = base64.b64decode(envelope["payload"], validate=True)
        _require_key(base64.b64decode(signature["sig"], validate=True), envelope["payloadType"], payload, keys)
        return _digest_in(json.loads(payload))
    except BundleError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BundleError(f"it is no signature by model-signing ({type(error).__name__}: {error!s:.80})") from error


def _load_key(file: Path) -> VerifyKey:
    wanted = "give an elliptic-curve public key in PEM form: openssl ec -in KEY -pubout"
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise SettingsError(f"VERIFY_KEYS={file}: cannot be read ({error.strerror}); {wanted}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"VERIFY_KEYS={file}: has no public key; {wanted}") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise SettingsError(f"VERIFY_KEYS={file}: is not a key of {', '.join(CURVES)}; {wanted}")
    return VerifyKey(key)


def _require_key(signature: bytes, payload_type: str, payload: bytes, keys: Sequence[VerifyKey]) -> None:
    if payload_type != PAYLOAD_TYPE:
        raise BundleError(f"its payload is {payload_type!r:.80}")
    # https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md
    signed = f"DSSEv1 {len(payload_type)} {payload_type} {len(payload)} ".encode() + payload
    if not any(key.verifies(signature, signed) for key in keys):
        raise UnknownKeyError("it was made with another key, or changed since")


def _digest_in(statement: dict[str, Any]) -> str:
    """The SHA-256 of the only file of a statement whose signature is right."""
    if (statement["_type"], statement["predicateType"]) != (STATEMENT_TYPE, PREDICATE_TYPE):
        raise BundleError(f"it states {statement['predicateType']!r:.80}")
    (subject,), (resource,) = statement["subject"], statement["predicate"]["resources"]
    serialization_type = statement["predicate"]["serialization"]
    method = (serialization_type["method"], serialization_type["hash_type"], resource["algorithm"], resource["name"])
    if method != ("files", "sha256", "sha256", _THE_FILE):
        raise BundleError("it is not that of one file by its SHA-256")
    digest = bytes.fromhex(resource["digest"])
    if hashlib.sha256(digest).hexdigest() != subject["digest"]["sha256"]:
        raise BundleError("its digests contradict each other")
    return digest.hex()
