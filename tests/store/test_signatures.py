"""Whether an archive is signed with a key that is trusted, as OpenSSF's model-signing signs it."""

from __future__ import annotations

import base64
import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from scripts.environment import SettingsError
from scripts.files import signature
from scripts.settings import Settings, load_settings
from scripts.store.archive import ArchiveError, check_archive, read_archive, require_checksum
from scripts.store.digests import remember
from scripts.store.signatures import signature_file, signature_problem, verify_keys
from scripts.store.unpacking import unpack
from tests.support.signing import FORGED, UNUSABLE, Bundle, KeyPair, change
from tests.support.sites import write_checksum

CURVES = [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()]
MANIFEST = {"model": {"modelName": "A", "modelVersion": "1.0", "handler": "h.py"}}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyPair:
    return KeyPair(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signed(keys: KeyPair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with its checksum and its signature; not to be changed."""
    path = write(tmp_path_factory.mktemp("signed") / "A.mar", "weights")
    keys.sign(path)
    return path


@pytest.fixture
def settings(tmp_path: Path, keys: KeyPair) -> Settings:
    (tmp_path / "run").mkdir()
    return load_settings(
        {"MODEL_STORE": str(tmp_path), "RUN_DIR": str(tmp_path / "run"), "VERIFY_KEYS": str(keys.public)}
    )


@pytest.fixture
def archive(signed: Path, tmp_path: Path) -> Path:
    for file in signed.parent.iterdir():
        shutil.copy2(file, tmp_path)
    return tmp_path / signed.name


def write(path: Path, weights: str) -> Path:
    path.unlink(missing_ok=True)
    with zipfile.ZipFile(path, "w") as contents:
        contents.writestr("MAR-INF/MANIFEST.json", json.dumps(MANIFEST))
        contents.writestr("weights", weights)
    write_checksum(path)
    return path


def refusal(settings: Settings, archive: Path) -> str:
    """Why it is refused, which is the same wherever it could come into service."""
    for refused in (
        lambda: check_archive(settings, read_archive(archive)),
        lambda: require_checksum(settings, read_archive(archive)),
        lambda: unpack(settings, archive),
    ):
        with pytest.raises(ArchiveError) as caught:
            refused()
        assert str(caught.value) == signature_problem(settings, archive)
    assert not (settings.run_dir / "unpacked").exists()
    return str(caught.value)


SIGN = "sign it (`make archives SIGN=KEY`) where it was built, and copy both files here"
ANOTHER_KEY = (
    f"A.mar is not signed with a key of VERIFY_KEYS, or A.mar.sig was changed; {SIGN}, or add the public key to "
    "VERIFY_KEYS"
)
NOT_WHAT_WAS_SIGNED = (
    "A.mar is not what was signed: its SHA-256 is not the one in A.mar.sig; copy both files here again"
)


def test_a_signed_archive_is_unpacked(settings: Settings, archive: Path) -> None:
    check_archive(settings, read_archive(archive))
    require_checksum(settings, read_archive(archive))
    assert (unpack(settings, archive) / "weights").read_text() == "weights"


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_every_curve_of_model_signing_is_verified(settings: Settings, archive: Path, curve: ec.EllipticCurve) -> None:
    other = KeyPair(archive.parent, "other", curve)
    other.sign(archive)
    assert refusal(settings, archive) == ANOTHER_KEY
    both = load_settings(
        {"RUN_DIR": str(settings.run_dir), "VERIFY_KEYS": f"{settings.verify_keys[0]}, {other.public}"}
    )
    assert signature_problem(both, archive) is None
    assert len(verify_keys(both)) == 2


def test_an_archive_without_a_signature_is_refused(settings: Settings, archive: Path) -> None:
    signature_file(archive).unlink()
    assert refusal(settings, archive) == f"A.mar is not signed: there is no A.mar.sig; {SIGN}"
    assert signature_problem(load_settings({}), archive) is None


def test_a_changed_archive_is_refused_though_its_checksum_is_right(settings: Settings, archive: Path) -> None:
    write(archive, "others")
    assert refusal(settings, archive) == NOT_WHAT_WAS_SIGNED


def test_a_wrong_digest_in_the_model_store_deceives_nobody(settings: Settings, archive: Path) -> None:
    """Who can exchange the archive can write digests.json too."""
    remember(archive.parent, {archive.name: (signature(archive), signed_sha256(archive))})
    write(archive, "others")
    remember(archive.parent, {archive.name: (signature(archive), signed_sha256(archive))})
    assert signature_problem(settings, archive) == NOT_WHAT_WAS_SIGNED


def signed_sha256(archive: Path) -> str:
    payload = json.loads(signature_file(archive).read_text())["dsseEnvelope"]["payload"]
    return str(json.loads(base64.b64decode(payload))["predicate"]["resources"][0]["digest"])


@pytest.mark.parametrize("forgery", FORGED.values(), ids=FORGED.keys())
def test_a_signature_that_was_changed_is_refused(
    settings: Settings, archive: Path, forgery: Callable[[Bundle], object]
) -> None:
    change(archive, forgery)
    assert refusal(settings, archive) == ANOTHER_KEY


@pytest.mark.parametrize("damage", UNUSABLE.values(), ids=UNUSABLE.keys())
def test_what_is_no_signature_is_refused(settings: Settings, archive: Path, damage: Callable[[Bundle], object]) -> None:
    change(archive, damage)
    told = refusal(settings, archive)
    assert told.startswith("A.mar has a signature that cannot be used, A.mar.sig: ")
    assert told.endswith(SIGN)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", "[" * 60000, '{"mediaType": []}'])
def test_any_other_file_is_refused(settings: Settings, archive: Path, text: str) -> None:
    signature_file(archive).write_text(text)
    assert "has a signature that cannot be used" in refusal(settings, archive)


def test_a_signature_of_a_folder_is_none_of_the_archive(
    settings: Settings, archive: Path, keys: KeyPair, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    shutil.copy2(archive, folder)
    keys.sign(folder).replace(signature_file(archive))
    assert "it is not that of one file by its SHA-256" in refusal(settings, archive)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "cannot be read (No such file or directory); give an elliptic-curve public key"),
        ("text", "has no public key; give an elliptic-curve public key in PEM form: openssl ec -in KEY -pubout"),
        ("private", "has no public key; give"),
        ("curve", "is not a key of secp256r1, secp384r1, secp521r1; give"),
    ],
)
def test_a_key_that_cannot_be_used_is_named_and_nothing_is_accepted(
    archive: Path, tmp_path: Path, content: str | None, told: str
) -> None:
    file = tmp_path / "trusted.pem"
    if content == "private":
        shutil.copyfile(KeyPair(tmp_path).private, file)
    elif content == "curve":
        shutil.copyfile(KeyPair(tmp_path, curve=ec.SECP256K1()).public, file)
    elif content:
        file.write_text(content)
    settings = load_settings({"VERIFY_KEYS": str(file), "RUN_DIR": str(tmp_path)})
    with pytest.raises(SettingsError, match=re.escape(f"VERIFY_KEYS={file}: {told}")):
        verify_keys(settings)
    assert f"A.mar cannot be verified: VERIFY_KEYS={file}: " in str(signature_problem(settings, archive))
