"""Remote stores that send what they should not: they get no memory, no room, no password and no other file's place."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from scripts.transfer import pulling
from scripts.transfer.registry import Registry, _WaryAdapter
from scripts.transfer.remote import RemoteFile
from tests.transfer.hosts import NAMES, Host

REFUSED = 1
# Far more than any answer may have.
ENDLESS = 64 << 20
FILE = {"name": "X.mar", "size": 5, "sha256": "0" * 64, "offset": 0}


def manifest(**changed: object) -> bytes:
    """The manifest of an image with one file."""
    files = json.dumps([{**FILE, **changed}])
    return json.dumps({"layers": [{"digest": "sha256:0", "annotations": {"emotions.files": files}}]}).encode()


@contextmanager
def liar(root: bytes, answer: bytes, status: int = 200) -> Iterator[tuple[str, list[int]]]:
    """A registry with these answers, the image's address, and how many bytes of each answer were taken."""
    taken: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = root if self.path == "/v2/" else answer
            self.send_response(200 if self.path in ("/v2/", "/elsewhere") else status)
            self.send_header("Location", "/elsewhere")
            self.end_headers()
            taken.append(0)
            with suppress(OSError):
                for start in range(0, len(body), 1 << 16):
                    taken[-1] += self.wfile.write(body[start : start + (1 << 16)])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"oci://127.0.0.1:{server.server_port}/models:1", taken
        finally:
            server.shutdown()


@pytest.mark.parametrize(
    ("root", "answer", "sentence"),
    [
        pytest.param(b"x" * ENDLESS, b"{}", "is no image that `make push` made", id="endless greeting"),
        pytest.param(b"{}", b" " * ENDLESS, "the manifest has more than 4194304 bytes", id="endless manifest"),
        pytest.param(b"{}", b"[" * 1_000_000, "is no image that `make push` made", id="deep manifest"),
        pytest.param(b"{}", manifest(name="../X.mar"), "'../X.mar' is no plain file name", id="path"),
        pytest.param(b"{}", manifest(name="/etc/X.mar"), "'/etc/X.mar' is no plain file name", id="whole path"),
        pytest.param(b"{}", manifest(size=-1), "has no size and SHA-256", id="negative size"),
        pytest.param(b"{}", manifest(sha256="../../0"), "has no size and SHA-256", id="digest"),
        pytest.param(b"{}", manifest(offset=[]), "is no image that `make push` made", id="offset"),
    ],
)
def test_a_registry_that_lies_is_refused(tmp_path: Path, root: bytes, answer: bytes, sentence: str) -> None:
    host = Host(tmp_path / "host")
    with liar(root, answer) as (address, taken):
        done = host.transfer("pull", address)
    assert (done.returncode, done.stdout) == (REFUSED, "")
    assert sentence in done.stderr
    assert max(taken) < ENDLESS // 2
    assert host.contents() == {}


def test_what_a_redirect_has_is_not_read_to_its_end() -> None:
    """Also of a layer, which is read piece by piece."""
    with liar(b"{}", b" " * ENDLESS, 307) as (address, taken), requests.Session() as session:
        session.mount("http://", _WaryAdapter())
        with session.get(f"http://{address.removeprefix('oci://').split('/')[0]}/layer", stream=True) as answer:
            assert (answer.status_code, len(answer.history)) == (200, 1)
        assert taken[0] < ENDLESS // 2


class Generous:
    """A remote store that sends more than it lists."""

    def __init__(self, listed: dict[str, RemoteFile]) -> None:
        self._listed = listed

    def files(self) -> dict[str, RemoteFile]:
        return self._listed

    def read(self, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        while True:
            yield bytes(file.size)


@pytest.mark.parametrize("kind", [".build.json", ".mar"])
def test_more_than_was_listed_is_not_kept(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As an object store may send that knows no ranges, or has another object by now."""
    builder, host = Host(tmp_path / "builder"), Host(tmp_path / "host")
    builder.build(NAMES[0], 3)
    share = tmp_path / "share"
    builder.push(f"file://{share}")
    real = pulling.Pull._bytes

    def read(self: pulling.Pull, file: RemoteFile, start: int = 0) -> Iterator[bytes]:
        if file.name.endswith(kind):
            self._remote = Generous(self._files)  # type: ignore[assignment]
        return real(self, file, start)

    monkeypatch.setattr(pulling.Pull, "_bytes", read)
    done = host.transfer("pull", f"file://{share}", "--model", NAMES[0])
    assert done.returncode == REFUSED
    assert "more arrived than the " in done.stderr
    assert not host.archive(NAMES[0]).exists()


def test_a_password_is_not_sent_without_tls() -> None:
    registry = object.__new__(Registry)
    registry._root = "https://example.org/v2/"
    answer = requests.Response()
    answer.headers["Location"] = "/v2/models/blobs/uploads/1"
    assert registry._location(answer) == "https://example.org/v2/models/blobs/uploads/1"
    answer.headers["Location"] = "http://example.org/v2/models/blobs/uploads/1"
    with pytest.raises(requests.RequestException, match=r"without TLS at http://example\.org/"):
        registry._location(answer)
