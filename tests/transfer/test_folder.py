"""A folder as a remote store: what KServe's storage initializer finds, and what another host pulls."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.transfer.hosts import NAMES, Host

FIRST, SECOND = NAMES


@pytest.fixture
def builder(tmp_path: Path) -> Host:
    host = Host(tmp_path / "builder")
    for seed, name in enumerate(NAMES):
        host.build(name, seed)
    return host


@pytest.fixture
def share(tmp_path: Path) -> Path:
    return tmp_path / "share"


def test_the_folder_can_be_served_as_it_is_and_pulled(builder: Host, share: Path, tmp_path: Path) -> None:
    assert builder.push(f"file://{share}") == f"Pushed 2 archive(s): file://{share}\n"
    store = Host(tmp_path / "reader")
    store.store.rmdir()
    store.store.symlink_to(share / "model-store")
    assert store.contents() == builder.contents()
    assert {path.name for path in share.iterdir()} == {"model-store", "manifest.json"}
    serving = Host(tmp_path / "serving")
    assert serving.pull(f"file://{share}") == f"{FIRST} 1.0  pulled\n{SECOND} 1.0  pulled\n"
    assert serving.contents() == builder.contents()


def test_only_what_changed_is_written(builder: Host, share: Path) -> None:
    builder.push(f"file://{share}")
    first, second = (share / "model-store" / f"{name}.mar" for name in NAMES)
    written = first.stat().st_mtime_ns
    builder.build(SECOND, 7, "1.1")
    builder.push(f"file://{share}")
    assert first.stat().st_mtime_ns == written
    assert second.read_bytes() == builder.archive(SECOND).read_bytes()


def test_a_damaged_file_is_never_pulled_and_is_mended_by_a_push(builder: Host, share: Path, tmp_path: Path) -> None:
    builder.push(f"file://{share}")
    damaged = share / "model-store" / f"{FIRST}.mar"
    damaged.write_bytes(bytes(damaged.stat().st_size))
    serving = Host(tmp_path / "serving")
    refused = serving.transfer("pull", f"file://{share}")
    assert refused.returncode == 1
    assert FIRST in refused.stderr
    assert f"{FIRST}.mar" not in serving.contents()
    assert f"{SECOND}.mar" in serving.contents()
    builder.push(f"file://{share}")
    assert serving.pull(f"file://{share}").startswith(f"{FIRST} 1.0  pulled\n")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("file://share", "file://share: give the whole path, as in file:///mnt/models"),
        (
            "file:///nowhere/at/all",
            "/nowhere/at/all: has no manifest.json; `make push TO=file:///nowhere/at/all` first",
        ),
    ],
    ids=["relative", "missing"],
)
def test_an_address_that_cannot_be_used_is_told(tmp_path: Path, address: str, message: str) -> None:
    done = Host(tmp_path / "serving").transfer("pull", address)
    assert (done.returncode, done.stderr) == (1, message)


def test_a_folder_that_cannot_be_written_is_named(builder: Host, tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file")
    done = builder.transfer("push", f"file://{tmp_path}/share")
    assert done.returncode == 1
    assert f"file://{tmp_path}/share: " in done.stderr
    assert "see that it is mounted" in done.stderr


def test_the_manifest_lists_what_is_there(builder: Host, share: Path) -> None:
    builder.push(f"file://{share}", "--model", FIRST)
    listed = {file["name"] for file in json.loads((share / "manifest.json").read_text())["files"]}
    assert listed == {path.name for path in (share / "model-store").iterdir()}
    assert f"{FIRST}.mar" in listed
