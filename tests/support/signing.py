"""Keys, and signatures of archives by the unmodified command of OpenSSF's model-signing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.store.signatures import signature_file

_COMMAND = Path(sys.executable).with_name("model_signing")


class KeyPair:
    """An elliptic-curve key in two PEM files."""

    def __init__(self, folder: Path, name: str = "key", curve: ec.EllipticCurve | None = None) -> None:
        key = ec.generate_private_key(curve or ec.SECP256R1())
        self.private, self.public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
        folder.mkdir(parents=True, exist_ok=True)
        self.private.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        self.public.write_bytes(
            key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        )

    def sign(self, archive: Path) -> Path:
        """Sign with `model_signing sign`; returns the signature's file."""
        signature = signature_file(archive)
        _run("sign", "key", str(archive), "--private_key", str(self.private), "--signature", str(signature))
        return signature

    def sign_here(self, archive: Path) -> None:
        """The same in this process, which is quicker."""
        from model_signing import signing

        signing.Config().use_elliptic_key_signer(private_key=self.private).sign(archive, signature_file(archive))

    def verify(self, archive: Path) -> None:
        """Verify with `model_signing verify`, which must succeed."""
        said = _run(
            *("verify", "key", str(archive)),
            "--public_key",
            str(self.public),
            "--signature",
            str(signature_file(archive)),
        )
        assert "Verification succeeded" in said


def _run(*arguments: str) -> str:
    made = subprocess.run([_COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


Bundle = dict[str, Any]


def change_statement(change: Callable[[Bundle], object]) -> Callable[[Bundle], None]:
    def changed(bundle: Bundle) -> None:
        statement = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
        change(statement)
        bundle["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    return changed


# Changes of a signature after which no key has made it.
FORGED: dict[str, Callable[[Bundle], object]] = {
    "digest": change_statement(lambda s: s["predicate"]["resources"][0].update(digest="0" * 64)),
    "spelling": change_statement(lambda s: None),
    "no signature": lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=""),
    "another signature": lambda b: b["dsseEnvelope"]["signatures"][0].update(sig=base64.b64encode(b"0" * 70).decode()),
}
# Those after which it is none.
UNUSABLE: dict[str, Callable[[Bundle], object]] = {
    "signatures": lambda b: b["dsseEnvelope"].update(signatures=[]),
    "two signatures": lambda b: b["dsseEnvelope"]["signatures"].append(b["dsseEnvelope"]["signatures"][0]),
    "payload type": lambda b: b["dsseEnvelope"].update(payloadType="text/plain"),
    "media type": lambda b: b.update(mediaType="application/json"),
    "no envelope": lambda b: b.pop("dsseEnvelope"),
    "no payload": lambda b: b["dsseEnvelope"].update(payload=None),
}


def change(archive: Path, damage: Callable[[Bundle], object]) -> None:
    """Change the signature that lies beside an archive."""
    bundle = json.loads(signature_file(archive).read_text())
    damage(bundle)
    signature_file(archive).write_text(json.dumps(bundle))
