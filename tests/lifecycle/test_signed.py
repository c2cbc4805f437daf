"""Signed archives through every door: start, register, upgrade, rollback and the API for other machines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from scripts.archives.__main__ import main as build
from scripts.store.signatures import signature_file
from tests.lifecycle.remote import Remote, make_key
from tests.support.asking import predict
from tests.support.models import ARCHIVE, OTHER, SERVED
from tests.support.ports import free_ports
from tests.support.signing import KeyPair
from tests.support.sites import Site, repack
from tests.support.stacks import ServeSite

REFUSED = 1
OTHER_FILE = f"{OTHER}.mar"
UNSIGNED = f"{OTHER_FILE} is not signed: there is no {OTHER_FILE}.sig; sign it (`make archives SIGN=KEY`)"


@pytest.fixture(scope="module")
def keys(site: Site) -> list[KeyPair]:
    """Two that are trusted, and one that is not."""
    return [KeyPair(site.folder / "keys", name) for name in ("first", "second", "foreign")]


@pytest.fixture(scope="module")
def signed(site: Site, keys: list[KeyPair]) -> Site:
    """The module's site, its archives signed by the project: two models, and version 1.1 of SERVED."""
    said = site.build("--sign", str(keys[0].private)).stdout
    assert f"Signed {OTHER_FILE}, {ARCHIVE}.mar, {ARCHIVE}-1.1.mar.\n" in said
    return site


@pytest.fixture(scope="module")
def remote(signed: Site, keys: list[KeyPair], serve_site: ServeSite) -> Iterator[Remote]:
    """A stack that trusts two keys, and was started while one model's archive had no signature."""
    kept = signature_file(signed.archive(OTHER)).rename(signed.folder / "kept.sig")
    listen = f"127.0.0.1:{free_ports(1)[0]}"
    trusted = ",".join(str(key.public) for key in keys[:2])
    with serve_site(signed, MANAGEMENT_LISTEN=listen, VERIFY_KEYS=trusted) as stack:
        told = stack.command("stack", "status").stdout
        assert " ".join(UNSIGNED.split()[:3]) in " ".join(told.split())
        shutil.copy(kept, signature_file(signed.archive(OTHER)))
        yield Remote(stack, f"http://{listen}", make_key(stack, "ops"))


def test_the_unmodified_command_verifies_what_the_project_signed(signed: Site, keys: list[KeyPair]) -> None:
    for archive in signed.store.glob("*.mar"):
        keys[0].verify(archive)


def test_what_is_signed_already_is_not_signed_again(signed: Site, keys: list[KeyPair]) -> None:
    before = {file: file.stat().st_mtime_ns for file in signed.store.glob("*.sig")}
    assert "All archives are signed with this key already." in signed.build("--sign", str(keys[0].private)).stdout
    assert {file: file.stat().st_mtime_ns for file in signed.store.glob("*.sig")} == before


def test_an_unsigned_model_is_left_out_at_the_start_and_comes_back_signed(remote: Remote) -> None:
    assert predict(remote.stack.url, SERVED).status == 200
    assert predict(remote.stack.url, OTHER).status != 200
    registered = remote.stack.command("lifecycle", "register", OTHER)
    assert registered.returncode == 0, registered.stderr
    assert predict(remote.stack.url, OTHER).status == 200


def unsigned(archive: Path, keys: list[KeyPair]) -> None:
    signature_file(archive).unlink()


def tampered(archive: Path, keys: list[KeyPair]) -> None:
    repack(archive, archive.with_suffix(".new"), "2.0", {"emotion_handler.py": "# other\n"}, name="Guest")
    for suffix in ("", ".sha256"):
        archive.with_name(f"{archive.stem}.new{suffix}").replace(archive.with_name(f"{archive.name}{suffix}"))


def signed_by_another(archive: Path, keys: list[KeyPair]) -> None:
    keys[2].sign(archive)


DAMAGES: dict[str, tuple[Callable[[Path, list[KeyPair]], None], str]] = {
    "unsigned": (unsigned, "Guest.mar is not signed: there is no Guest.mar.sig"),
    "tampered": (tampered, "Guest.mar is not what was signed: its SHA-256 is not the one in Guest.mar.sig"),
    "another key": (signed_by_another, "Guest.mar is not signed with a key of VERIFY_KEYS"),
}


@pytest.mark.parametrize(("damage", "told"), DAMAGES.values(), ids=DAMAGES.keys())
def test_both_doors_refuse_what_is_not_signed_as_it_must_be(
    remote: Remote, signed: Site, keys: list[KeyPair], damage: Callable[[Path, list[KeyPair]], None], told: str
) -> None:
    guest = repack(signed.archive(SERVED), signed.store / "Guest.mar", "1.0", name="Guest")
    keys[1].sign(guest)
    damage(guest, keys)
    here = remote.stack.command("lifecycle", "register", "Guest.mar")
    assert (here.returncode, told in here.stderr) == (REFUSED, True), here.stderr
    there = remote("POST", "/models", url="Guest.mar")
    assert (there.status_code, told in there.json()["error"]) == (409, True), there.text
    assert remote("GET", "/models/Guest").status_code == 404
    assert predict(remote.stack.url, SERVED).status == 200


def test_a_signature_by_the_unmodified_command_and_a_second_key_is_accepted_by_both_doors(
    remote: Remote, signed: Site, keys: list[KeyPair]
) -> None:
    guest = repack(signed.archive(SERVED), signed.store / "Guest.mar", "1.0", name="Guest")
    keys[1].sign(guest)
    here = remote.stack.command("lifecycle", "register", "Guest.mar", "--workers", "0")
    assert here.returncode == 0, here.stderr
    assert remote.stack.command("lifecycle", "unregister", "Guest").returncode == 0
    there = remote("POST", "/models", url="Guest.mar", initial_workers=0, synchronous="true")
    assert there.status_code == 200, there.text
    assert remote("DELETE", "/models/Guest").status_code == 200


def test_upgrade_and_rollback_take_signed_versions_only(remote: Remote, signed: Site) -> None:
    file = f"{ARCHIVE}-1.1.mar"
    signature = signature_file(signed.store / file)
    away = signature.rename(signed.folder / "away.sig")
    refused = remote.stack.command("lifecycle", "upgrade", SERVED, file)
    assert (refused.returncode, f"{file} is not signed" in refused.stderr) == (REFUSED, True), refused.stderr
    assert predict(remote.stack.url, SERVED).body["version"] == "1.0"
    shutil.copy(away, signature)
    assert remote.stack.command("lifecycle", "upgrade", SERVED, file).returncode == 0
    assert remote.stack.command("lifecycle", "unregister", SERVED, "--version", "1.0").returncode == 0
    own = signature_file(signed.archive(SERVED))
    own_away = own.rename(signed.folder / "own.sig")
    refused = remote.stack.command("lifecycle", "rollback", SERVED)
    assert (refused.returncode, f"{ARCHIVE}.mar is not signed" in refused.stderr) == (REFUSED, True), refused.stderr
    shutil.copy(own_away, own)
    assert remote.stack.command("lifecycle", "rollback", SERVED).returncode == 0
    assert predict(remote.stack.url, SERVED).body["version"] == "1.0"


def test_a_key_that_cannot_sign_stops_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "key.pem"
    assert build(["--sign", str(file)]) == REFUSED
    assert f"SIGN={file}: cannot be read" in " ".join(capsys.readouterr().err.split())
    file.write_text("text")
    assert build(["--sign", str(file)]) == REFUSED
    assert "is no private key of secp256r1" in " ".join(capsys.readouterr().err.split())
