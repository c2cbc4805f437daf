"""What only a registry has: images, digests as addresses, users."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.transfer.hosts import NAMES, Host
from tests.transfer.servers import PASSWORD, USER, log_in, password_file, running_registry

REFUSED = 1
FIRST = NAMES[0]


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A registry with one user."""
    folder = tmp_path_factory.mktemp("users")
    with running_registry(folder, password_file(folder)) as port:
        yield port


@pytest.fixture
def host(tmp_path: Path, port: int) -> Host:
    """A host whose user has logged in, as ``docker login`` writes it, and has one archive."""
    host = Host(tmp_path / "host")
    log_in(host.folder, f"127.0.0.1:{port}", PASSWORD)
    host.build(FIRST, 3)
    return host


def test_only_those_push_and_pull_who_are_known(host: Host, port: int, tmp_path: Path) -> None:
    address = f"oci://127.0.0.1:{port}/known:1"
    host.push(address)
    assert host.pull(address) == f"{FIRST} 1.0  up to date\n"
    stranger = Host(tmp_path / "stranger")
    done = stranger.transfer("pull", address)
    assert done.returncode == REFUSED
    assert f"it wants a name and a password; `docker login 127.0.0.1:{port}` first" in done.stderr
    log_in(stranger.folder, f"127.0.0.1:{port}", "a wrong one")
    done = stranger.transfer("pull", address)
    assert done.returncode == REFUSED
    assert f"answers GET with 401 Unauthorized; `docker login 127.0.0.1:{port}` with a user who may" in done.stderr


def test_a_digest_means_one_content_for_ever(host: Host, port: int, tmp_path: Path) -> None:
    address = f"oci://127.0.0.1:{port}/digests:1"
    by_digest = host.push(address).split()[-1]
    before = host.contents()[f"{FIRST}.mar"]
    host.build(FIRST, 4, "2.0")
    assert host.push(address).split()[-1] != by_digest
    other = Host(tmp_path / "other", {"HOME": str(host.folder)})
    assert other.pull(by_digest) == f"{FIRST} 1.0  pulled\n"
    assert other.contents()[f"{FIRST}.mar"] == before
    done = host.transfer("push", by_digest)
    assert done.returncode == REFUSED
    assert "give a tag to push to, not a digest" in done.stderr


def test_the_image_is_one_that_runtimes_mount(host: Host, port: int) -> None:
    """Its layers are tar files whose digests are those of its configuration, with KServe's folder in them."""
    host.push(f"oci://127.0.0.1:{port}/image:1")
    root, user = f"http://127.0.0.1:{port}/v2/image", (USER, PASSWORD)
    accept = {"Accept": "application/vnd.oci.image.manifest.v1+json"}
    manifest = requests.get(f"{root}/manifests/1", auth=user, headers=accept, timeout=10).json()
    config = requests.get(f"{root}/blobs/{manifest['config']['digest']}", auth=user, timeout=10).json()
    assert config["rootfs"]["diff_ids"] == [layer["digest"] for layer in manifest["layers"]]
    found: dict[str, bytes] = {}
    for layer in manifest["layers"]:
        content = requests.get(f"{root}/blobs/{layer['digest']}", auth=user, timeout=10).content
        assert len(content) == layer["size"]
        with tarfile.open(fileobj=io.BytesIO(content)) as files:
            found |= {each.name: files.extractfile(each).read() for each in files}  # type: ignore[union-attr]
    assert found["models/model-store/index.json"]
    assert found[f"models/model-store/{FIRST}.mar"] == host.archive(FIRST).read_bytes()
    assert set(found) == {f"models/model-store/{FIRST}.{kind}" for kind in ("mar", "mar.sha256", "build.json")} | {
        "models/model-store/index.json"
    }
