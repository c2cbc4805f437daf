"""What arrives is what was pushed, or nothing changes; and what has arrived is not sent twice."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import pytest

from scripts.store import served
from scripts.store.signatures import signature_file
from tests.support.disk import files_up_to
from tests.support.signing import KeyPair
from tests.transfer.conftest import Server
from tests.transfer.hosts import NAMES, SIZE, Host
from tests.transfer.servers import BadNetwork

REFUSED = 1
FIRST, SECOND = NAMES


@pytest.fixture
def address(server: Server, request: pytest.FixtureRequest) -> str:
    """A remote store of the test's own."""
    return server.address(request.node.originalname.replace("_", "-"))


def test_the_store_of_the_other_host_is_the_same(address: str, builder: Host, serving: Host) -> None:
    KeyPair(builder.folder).sign_here(builder.archive(FIRST))
    said = builder.push(address)
    assert said.startswith(f"Pushed 2 archive(s): {address.partition(':1')[0]}")
    assert serving.pull(address) == f"{FIRST} 1.0  pulled\n{SECOND} 1.0  pulled\n"
    assert serving.contents() == builder.contents()
    assert serving.pull(address) == f"{FIRST} 1.0  up to date\n{SECOND} 1.0  up to date\n"


def test_only_what_changed_is_sent_and_the_old_version_is_kept(
    server: Server, address: str, builder: Host, serving: Host
) -> None:
    builder.push(address)
    serving.pull(address)
    before = serving.contents()
    builder.build(SECOND, 7, "1.1")
    with BadNetwork(server.port, 100 * SIZE) as network:
        name, way = server.through(network.port, address)
        Host(builder.folder, {**builder.environment, **way}).push(name)
        assert SIZE < network.up < 1.5 * SIZE
        assert serving.pull(name, **way) == f"{FIRST} 1.0  up to date\n{SECOND} 1.1  pulled\n"
        assert SIZE < network.down < 1.5 * SIZE
    after = serving.contents()
    assert after[f"{SECOND}.mar"] == builder.contents()[f"{SECOND}.mar"]
    assert after[f"{SECOND}-1.0.mar"] == before[f"{SECOND}.mar"]


def test_a_transfer_goes_on_where_its_connection_ended(
    server: Server, address: str, builder: Host, serving: Host
) -> None:
    with BadNetwork(server.port, 12_000_000 if server.kind == "oci" else 6_000_000) as network:
        name, way = server.through(network.port, address)
        # An S3 object of this size is sent in parts of 8 MiB, which boto3 repeats as wholes.
        Host(builder.folder, {**builder.environment, **way} if server.kind == "oci" else builder.environment).push(name)
        assert serving.pull(name, **way) == f"{FIRST} 1.0  pulled\n{SECOND} 1.0  pulled\n"
        assert network.cuts >= 2
        assert network.down < 2.4 * SIZE
    assert serving.contents() == builder.contents()


def test_the_next_pull_goes_on_where_one_was_given_up(
    server: Server, address: str, builder: Host, serving: Host
) -> None:
    builder.push(address)
    digest = builder.contents()[f"{FIRST}.mar"]
    incoming = serving.store / ".incoming"
    incoming.mkdir()
    content = builder.archive(FIRST).read_bytes()
    (incoming / f"{FIRST}.mar.{digest[:16]}.partial").write_bytes(content[: SIZE // 2])
    (incoming / f"{FIRST}.mar.0123456789abcdef.partial").write_bytes(b"of another archive")
    with BadNetwork(server.port, 100 * SIZE) as network:
        name, way = server.through(network.port, address)
        done = serving.transfer("pull", name, "--model", FIRST, **way)
        assert (done.returncode, done.stdout) == (0, f"{FIRST} 1.0  pulled\n"), done.stderr
        assert network.down < 0.6 * SIZE
    assert serving.archive(FIRST).read_bytes() == content
    assert not incoming.exists()


@pytest.mark.parametrize("more", [b"", b"more than that"])
def test_a_pull_that_ended_after_the_last_byte_goes_on(address: str, builder: Host, serving: Host, more: bytes) -> None:
    builder.push(address)
    incoming = serving.store / ".incoming"
    incoming.mkdir()
    content, digest = builder.archive(FIRST).read_bytes(), builder.contents()[f"{FIRST}.mar"]
    (incoming / f"{FIRST}.mar.{digest[:16]}.partial").write_bytes(content + more)
    assert serving.pull(address) == f"{FIRST} 1.0  pulled\n{SECOND} 1.0  pulled\n"
    assert serving.archive(FIRST).read_bytes() == content
    assert not incoming.exists()


def test_what_was_changed_in_the_remote_store_is_not_taken(
    server: Server, address: str, builder: Host, serving: Host
) -> None:
    builder.push(address)
    serving.pull(address)
    before = serving.contents()
    builder.build(FIRST, 9, "2.0")
    builder.push(address)
    content = builder.archive(FIRST).read_bytes()[5000:6000]
    (holder,) = [file for file in server.folder.rglob("*") if file.is_file() and content in file.read_bytes()]
    holder.write_bytes(holder.read_bytes().replace(content, bytes(1000)))
    done = serving.transfer("pull", address)
    assert (done.returncode, done.stdout) == (REFUSED, f"{SECOND} 1.0  up to date\n")
    assert f"{FIRST}.mar: what arrived is not what was pushed" in done.stderr
    assert serving.contents() == before


def test_with_keys_only_what_is_signed_with_them_is_taken(address: str, builder: Host, serving: Host) -> None:
    trusted, foreign = KeyPair(builder.folder, "trusted"), KeyPair(builder.folder, "foreign")
    builder.push(address)
    done = serving.transfer("pull", address, VERIFY_KEYS=str(trusted.public))
    assert done.returncode == REFUSED
    assert f"{FIRST}.mar is not signed: there is no {FIRST}.mar.sig" in done.stderr
    assert serving.contents() == {}
    foreign.sign_here(builder.archive(FIRST))
    trusted.sign_here(builder.archive(SECOND))
    builder.push(address)
    done = serving.transfer("pull", address, VERIFY_KEYS=str(trusted.public))
    assert (done.returncode, done.stdout) == (REFUSED, f"{SECOND} 1.0  pulled\n")
    assert f"{FIRST}.mar is not signed with a key of VERIFY_KEYS" in done.stderr
    assert set(serving.contents()) >= {f"{SECOND}.mar", f"{SECOND}.mar.sig"}
    assert f"{FIRST}.mar" not in serving.contents()


def test_a_right_signature_is_not_replaced_by_a_wrong_one(address: str, builder: Host, serving: Host) -> None:
    trusted, foreign = KeyPair(builder.folder, "trusted"), KeyPair(builder.folder, "foreign")
    for archive in (builder.archive(name) for name in NAMES):
        trusted.sign_here(archive)
    builder.push(address)
    serving.pull(address, VERIFY_KEYS=str(trusted.public))
    before = signature_file(serving.archive(FIRST)).read_bytes()
    foreign.sign_here(builder.archive(FIRST))
    builder.push(address)
    assert "up to date" in serving.pull(address, VERIFY_KEYS=str(trusted.public))
    assert signature_file(serving.archive(FIRST)).read_bytes() == before


def test_a_version_that_has_served_keeps_its_content(address: str, builder: Host, serving: Host) -> None:
    builder.push(address)
    serving.pull(address)
    before = serving.contents()
    served.note(serving.settings, FIRST, "1.0", before[f"{FIRST}.mar"])
    builder.build(FIRST, 11)
    builder.push(address)
    done = serving.transfer("pull", address)
    assert done.returncode == REFUSED
    assert f"{FIRST}: version 1.0 has served here with other content" in done.stderr
    assert serving.contents() == before


def test_a_stand_in_is_pushed_only_where_it_may_serve(address: str, builder: Host, serving: Host) -> None:
    builder.build(FIRST, 1, stand_in=True)
    done = builder.transfer("push", address, STAND_INS="never")
    assert done.returncode == REFUSED
    assert f"{FIRST}: {FIRST}.mar is a stand-in's" in done.stderr
    assert serving.transfer("pull", address).returncode == REFUSED
    assert builder.transfer("push", address, STAND_INS="allowed").returncode == 0
    serving.pull(address, STAND_INS="never")
    index = json.loads((serving.store / "index.json").read_text())
    assert index[FIRST]["error"].startswith("its archive is that of a stand-in")


def test_a_damaged_archive_is_not_pushed(address: str, builder: Host, serving: Host) -> None:
    with builder.archive(SECOND).open("r+b") as file:
        file.seek(SIZE // 2)
        file.write(b"damage")
    done = builder.transfer("push", address)
    assert done.returncode == REFUSED
    assert f"{SECOND}: {SECOND}.mar is not built or damaged; run `make archives` first" in done.stderr
    assert serving.transfer("pull", address).returncode == REFUSED


def test_models_of_another_catalogue_are_left_out(address: str, builder: Host, serving: Host) -> None:
    builder.push(address)
    catalogue = serving.folder / "models.json"
    entries = json.loads(catalogue.read_text())
    del entries[FIRST]
    catalogue.write_text(json.dumps(entries))
    done = serving.transfer("pull", address)
    assert (done.returncode, done.stdout) == (0, f"{SECOND} 1.0  pulled\n")
    assert f"{FIRST}.mar is left out: models.json has no such model" in done.stderr


def test_without_room_nothing_is_begun(
    address: str, builder: Host, serving: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.push(address)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=SIZE - 1))
    done = serving.transfer("pull", address)
    assert done.returncode == REFUSED
    assert f"{FIRST}.mar has " in done.stderr
    assert f"has room for {SIZE - 1}; make room, or set MODEL_STORE" in done.stderr
    assert not list(serving.store.glob("**/*.partial"))


def test_a_disk_that_is_full_in_the_middle_loses_nothing(address: str, builder: Host, serving: Host) -> None:
    builder.push(address)
    with files_up_to(SIZE // 2):
        done = serving.transfer("pull", address)
    assert done.returncode == REFUSED
    assert "cannot be written (File too large)" in done.stderr
    assert "Traceback" not in done.stderr
    assert serving.contents() == {}
    assert serving.pull(address) == f"{FIRST} 1.0  pulled\n{SECOND} 1.0  pulled\n"


def test_what_is_not_there_or_cannot_be_reached_is_said(server: Server, builder: Host, serving: Host) -> None:
    missing = server.address("nothing")
    done = serving.transfer("pull", missing)
    assert done.returncode == REFUSED
    assert f"`make push TO={missing}" in done.stderr
    name, way = server.through(9, server.address("any"))
    done = serving.transfer("pull", name, **way)
    assert done.returncode == REFUSED
    assert "Traceback" not in done.stderr
    assert "127.0.0.1" in done.stderr
