"""Builds that are interrupted, killed or made to wait leave nothing half done."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from scripts.files import exclusive
from scripts.store.index import read_index
from tests.archives.workshop import BAD, Workshop
from tests.support.disk import files_up_to
from tests.support.polling import poll

pytestmark = pytest.mark.slow  # every one of them builds
SIGNS_OF_WORK = ".building-*"


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


@pytest.fixture
def building(workshop: Workshop) -> Iterator[subprocess.Popen[str]]:
    """A build of two archives that exist already, in the midst of its work."""
    process = workshop.start("--force", "--model", "Mini_A", "--model", "Mini_B+")
    try:
        poll(lambda: any(workshop.store.glob(f"{SIGNS_OF_WORK}/*/content")), seconds=120)
        yield process
    finally:
        for member in family_of(process) if process.poll() is None else []:
            member.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_process_and_no_half_archive(
    workshop: Workshop, building: subprocess.Popen[str], number: signal.Signals
) -> None:
    before = workshop.files()
    family = family_of(building)
    assert len(family) > 1
    building.send_signal(number)
    building.wait(30)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert workshop.files() == before
    if number == signal.SIGKILL:
        assert any(workshop.store.glob(SIGNS_OF_WORK))
        assert workshop.make("--model", "Mini_A")[0] == 0
    else:
        assert building.returncode == 130
        assert building.stderr is not None
        assert building.stderr.read() == "Interrupted. Finished archives stay, the others are as before.\n"
    assert not any(workshop.store.glob(SIGNS_OF_WORK))


def test_a_worker_that_is_killed_fails_its_archive_alone(workshop: Workshop, building: subprocess.Popen[str]) -> None:
    before = workshop.files()
    worker = next(member for member in family_of(building) if "scripts.pool.worker" in member.cmdline())
    worker.kill()
    output, _ = building.communicate(timeout=300)
    assert building.returncode == 1
    assert output.count("ended with signal 9; if memory ran out, try --jobs 1; see build.log") == 1
    changed = {name for name, digest in workshop.files().items() if before[name] != digest}
    assert len(changed & {"Mini_A.mar", "Mini_Bplus.mar"}) == 1
    assert [entry["error"] for entry in read_index(workshop.settings.index_file).values()] == [None, None, BAD]


def test_a_build_that_finds_no_room_says_so_and_leaves_the_old_archive(workshop: Workshop) -> None:
    before = workshop.files()
    with files_up_to(500_000):
        status, output, errors = workshop.make("--force", "--model", "Mini_A")
    assert status == 1
    assert "the model store's disk is full; free some space and run `make archives` again" in output, errors
    assert workshop.files()["Mini_A.mar"] == before["Mini_A.mar"]
    assert not any(workshop.store.glob(SIGNS_OF_WORK))
    assert workshop.make("--model", "Mini_A")[0] == 0


def test_a_build_waits_for_another_in_the_same_store(workshop: Workshop) -> None:
    with exclusive(workshop.store):
        waiting = workshop.start("--force", "--model", "Mini_A")
        assert waiting.stdout
        message = waiting.stdout.readline()
        assert not any(workshop.store.glob(SIGNS_OF_WORK))
        assert waiting.poll() is None
    output, errors = waiting.communicate(timeout=600)
    assert message == f"process {os.getpid()} is writing into store/ already; waiting for its end\n"
    assert (waiting.returncode, errors) == (0, ""), output


def test_a_build_that_waits_for_another_can_be_interrupted(workshop: Workshop) -> None:
    before = workshop.files()
    with exclusive(workshop.store):
        waiting = workshop.start("--force", "--model", "Mini_A")
        assert waiting.stdout
        waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert errors == "Interrupted. Finished archives stay, the others are as before.\n"
    assert workshop.files() == before
