"""A registry (Debian's docker-registry) and an S3 server (rclone's), and a network between that fails."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path

from scripts.processes import taken_ports, wait_until
from tests.support.commands import program_is_missing
from tests.support.ports import free_ports

KEY, SECRET = "an-access-key", "a-secret-access-key"
USER, PASSWORD = "builder", "a password"
# By bcrypt, the only way that the registry knows.
_HASHED = "$2b$04$YzlNBoidmJ0FQLxnRHQMX.2ASHHKrqWaqq451LOJat3kO0fKPnu/6"
_BLOCK = 1 << 16


@contextlib.contextmanager
def running_registry(folder: Path, htpasswd: Path | None = None, address: str = "127.0.0.1") -> Generator[int]:
    """Serve an empty registry at an address of this machine; yields its port. Its requests are in ``folder/log``."""
    if shutil.which("docker-registry") is None:
        program_is_missing("needs docker-registry: apt-get install docker-registry")
    (port,) = free_ports(1)
    auth = f"auth: {{htpasswd: {{realm: archives, path: {htpasswd}}}}}\n" if htpasswd else ""
    (folder / "config.yml").write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/data}}}}\n"
        f"http: {{addr: '{address}:{port}'}}\n{auth}"
    )
    with _running(["docker-registry", "serve", str(folder / "config.yml")], folder / "log", port):
        yield port


def password_file(folder: Path) -> Path:
    """A file for ``running_registry`` by which it knows USER."""
    file = folder / "htpasswd"
    file.write_text(f"{USER}:{_HASHED}\n")
    return file


def log_in(home: Path, registry: str, password: str = PASSWORD) -> Path:
    """Let a registry know USER, as ``docker login`` does; returns the file that says so."""
    known = base64.b64encode(f"{USER}:{password}".encode()).decode()
    file = home / ".docker" / "config.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"auths": {registry: {"auth": known}}}))
    return file


@contextlib.contextmanager
def running_s3(folder: Path) -> Generator[int]:
    """Serve the bucket ``models``, whose objects are files below ``folder/models``; yields its port."""
    (folder / "models").mkdir(parents=True)
    (port,) = free_ports(1)
    command = [str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--addr", f"127.0.0.1:{port}", "-v"]
    with _running([*command, "--auth-key", f"{KEY},{SECRET}", str(folder)], folder.with_suffix(".log"), port):
        yield port


@contextlib.contextmanager
def _running(command: list[str], log: Path, port: int) -> Generator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        assert wait_until(lambda: bool(taken_ports([port], "127.0.0.1")), 20), log.read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


class BadNetwork:
    """Passes connections on to a port, and cuts each after ``most`` bytes one way; ``up`` and ``down`` count them."""

    def __init__(self, backend: int, most: int) -> None:
        self.most = most
        self.up = self.down = self.cuts = 0
        self._backend = backend
        self._threads: list[threading.Thread] = []
        self._clients: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> BadNetwork:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for end in self._clients:
            _hang_up(end)
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                thread = threading.Thread(target=self._connect, args=(client,), daemon=True)
                self._clients.append(client)
                self._threads.append(thread)
                thread.start()

    def _connect(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._backend)) as server:
            back = threading.Thread(target=self._pass, args=(server, client, self._note_down), daemon=True)
            back.start()
            self._pass(client, server, self._note_up)
            back.join(10)

    def _note_up(self, count: int) -> None:
        self.up += count

    def _note_down(self, count: int) -> None:
        self.down += count

    def _pass(self, one: socket.socket, other: socket.socket, note: Callable[[int], None]) -> None:
        left = self.most
        with contextlib.suppress(OSError):
            while left > 0 and (data := one.recv(min(_BLOCK, left))):
                other.sendall(data)
                note(len(data))
                left -= len(data)
        self.cuts += left <= 0
        for end in (one, other):
            _hang_up(end)


def _hang_up(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
