"""Files that several processes share."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import pytest

from scripts.files import LockedError, exclusive, sha256, signature, write_text
from scripts.settings import ROOT
from tests.support.disk import files_up_to

HOLD = """
import sys
from pathlib import Path
from scripts.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


def hold(folder: Path) -> subprocess.Popen[str]:
    """Another process with the folder's lock, until it reads a line."""
    command = [sys.executable, "-c", HOLD, str(folder)]
    holder = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def test_a_folder_that_another_process_writes_into_is_refused_with_its_number(store: Path) -> None:
    with hold(store) as holder:
        message = f"^process {holder.pid} is writing into store/ already; wait for its end or stop it$"
        with pytest.raises(LockedError, match=message), exclusive(store):
            pass
        holder.communicate("\n")


def test_what_finds_no_room_leaves_the_old_file_and_nothing_else(store: Path) -> None:
    write_text(store / "file", "old")
    with files_up_to(1024), pytest.raises(OSError, match="File too large"):
        write_text(store / "file", "new" * 1000)
    assert [path.name for path in store.iterdir()] == ["file"]
    assert (store / "file").read_text() == "old"


def test_who_waits_for_the_lock_is_told_so_and_then_has_it(store: Path) -> None:
    told: list[str] = []
    waiting, done = Event(), Event()

    def wait(sentence: str) -> None:
        told.append(sentence)
        waiting.set()

    def work() -> None:
        with exclusive(store, wait):
            done.set()

    with hold(store) as holder:
        thread = Thread(target=work, daemon=True)
        thread.start()
        assert waiting.wait(20)
        assert not done.is_set()
        holder.communicate("\n")
    thread.join(20)
    assert done.is_set()
    assert told == [f"process {holder.pid} is writing into store/ already; waiting for its end"]
    assert (store / ".lock").read_text() == str(os.getpid())


def test_a_holder_without_a_number_is_unknown_and_the_lock_ends_with_the_block(store: Path) -> None:
    with exclusive(store):
        assert (store / ".lock").read_text() == str(os.getpid())
        os.truncate(store / ".lock", 0)
        message = "^process unknown is writing into store/ already; wait for its end or stop it$"
        with pytest.raises(LockedError, match=message), exclusive(store):
            pass
    with exclusive(store):
        pass


@pytest.mark.parametrize(("mode", "expected"), [({}, 0o644), ({"mode": 0o600}, 0o600)])
def test_a_file_is_replaced_in_one_step_with_its_mode(tmp_path: Path, mode: dict[str, int], expected: int) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o777)
    before = path.stat().st_ino
    leftover = tmp_path / f".file.{os.getpid()}"
    leftover.write_text("of a process that was killed and had the same number")
    mask = os.umask(0o022)
    try:
        write_text(path, "ü\n", **mode)
    finally:
        os.umask(mask)
    assert path.read_bytes() == "ü\n".encode()
    assert path.stat().st_mode & 0o777 == expected
    assert path.stat().st_ino != before
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1])
def test_the_digest_is_that_of_the_whole_file(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(251)) * (size // 251 + 1))
    os.truncate(path, size)
    assert sha256(path) == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_signature_has_size_times_and_inode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("abc")
    status = path.stat()
    assert signature(path) == (3, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
