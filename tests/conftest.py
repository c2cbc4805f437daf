"""Fixtures that start the real stack, as a user would, on free ports."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import requests

from scripts.checkpoints.libraries import import_openvino, import_torchvision
from scripts.files import sha256
from scripts.settings import ROOT, load_settings
from scripts.store.unpacking import unpack_all
from tests.support import stacks
from tests.support.authority import Authority, Installed
from tests.support.commands import run_command
from tests.support.order import FromBothEnds, put_in_order
from tests.support.places import PLACES, TEST_DIR
from tests.support.processes import one_at_a_time
from tests.support.stacks import RunningStack, StartStack, running_stack

STAND_IN_MAKERS = [
    ROOT / "scripts" / "checkpoints" / name
    for name in ("calibration.py", "known_faces.npz", "known_faces.py", "networks.py", "stand_ins.py")
]

# They take minutes and much disk: `make image-test`.
collect_ignore = [] if os.environ.get("IMAGE_TEST") else ["images"]


@pytest.fixture(scope="session")
def process() -> str:
    """The name of this process among those of pytest-xdist."""
    return os.environ.get("PYTEST_XDIST_WORKER", "master")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, process: str) -> Path:
    """A folder that all processes of this run of the tests have in common, and no other run."""
    folder = tmp_path_factory.getbasetemp()
    return folder if process == "master" else folder.parent


@pytest.fixture(scope="session")
def results() -> Path:
    """Directory with the nine stand-in checkpoints; kept between runs, made anew where what makes them changed."""
    directory = Path(PLACES["RESULTS_DIR"])
    directory.mkdir(parents=True, exist_ok=True)
    stamp, made_from = directory / ".made_from", sha256_of_all(STAND_IN_MAKERS)
    with one_at_a_time("results"):
        if not stamp.exists() or stamp.read_text() != made_from:
            for file in directory.glob("*_best.pt"):
                file.unlink()
            made = run_command({**os.environ, **PLACES}, "checkpoints", "stand-ins")
            assert made.returncode == 0, made.stdout + made.stderr
            stamp.write_text(made_from)
    return directory


def sha256_of_all(files: list[Path]) -> str:
    """One line that changes with any of the files."""
    return " ".join(sha256(file) for file in files)


@pytest.fixture(scope="session")
def archives(results: Path) -> Path:
    """Model store with the nine archives of the stand-ins; kept between runs, rebuilt where something changed."""
    directory = Path(PLACES["MODEL_STORE"])
    directory.mkdir(parents=True, exist_ok=True)
    with one_at_a_time("archives"):
        built = run_command({**os.environ, **PLACES}, "archives")
    assert built.returncode == 0, built.stdout + built.stderr
    return directory


@pytest.fixture(scope="session")
def unpacked(archives: Path) -> Path:
    """A run directory in which the nine archives are unpacked."""
    directory = TEST_DIR / "unpacked"
    with one_at_a_time("unpacked"):
        unpack_all(load_settings({"RUN_DIR": str(directory)}), sorted(archives.glob("*.mar")))
    return directory


@pytest.fixture(scope="session")
def start_stack(unpacked: Path, process: str) -> StartStack:
    """Start a further stack with settings of its own: ``with start_stack(LOAD_MODELS="none") as stack:``.

    It finds the nine archives unpacked, as at a second start.
    """
    count = 0

    def start(**settings: str) -> AbstractContextManager[RunningStack]:
        nonlocal count
        count += 1
        return running_stack(TEST_DIR / process / f"s{count}", unpacked, **{**PLACES, **settings})

    return start


@pytest.fixture(scope="session")
def stack(start_stack: StartStack) -> Iterator[RunningStack]:
    """The nine stand-in models, served."""
    with start_stack() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Certificates that only those trust who are told to."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def installed(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A certificate where a stack looks for it, to be replaced."""
    return Installed(tmp_path_factory.mktemp("live"), authority.issue("first"))


def shown(response: requests.Response) -> str:
    """A failed assertion says what the service said, not only its status."""
    return f"<Response [{response.status_code}] {response.content[:500]!r}>"


def pytest_configure(config: pytest.Config) -> None:
    """Make room for ``--basetemp`` (pyproject.toml), which pytest does not do; share the cores; let Ctrl-C work.

    torch would otherwise start a thread per core in each of pytest-xdist's processes, and they wait for each other
    by keeping the cores busy. Two large libraries are imported here, before a test imports them whole; not by the
    process that only hands out the tests. What a shell starts in the background ignores Ctrl-C, and so does what
    that starts.
    """
    requests.Response.__repr__ = shown  # type: ignore[method-assign, assignment]
    TEST_DIR.mkdir(parents=True, exist_ok=True)
    os.environ["SETTINGS"] = os.devnull  # a settings file of the clone is for its own stack
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # by nohup
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # fixtures then stop what they started
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        os.environ["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // processes))
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        import_torchvision()
        import_openvino()


# What each fixture means for a test that asks for it, itself or by another.
MARKED_BY = {
    "stack": {"start_stack", "serve_site", "browser"},
    "slow": {"results", "archives", "built", "first_outcome"},
}


@pytest.hookimpl(tryfirst=True)  # before -m looks at the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in an order that keeps every process busy, and mark what needs a stack or the nine models."""
    shared = set()
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if "stack" in fixtures and "serve_site" not in fixtures:
            shared.add(item.path)
        for mark, needed in MARKED_BY.items():
            if needed & fixtures:
                item.add_marker(mark)
    put_in_order(items, shared)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FromBothEnds | None:
    """Keep the tests of a file together, and the stack of the nine models to half of the processes."""
    return FromBothEnds(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Add the logs of the running stacks to the report of a test that failed."""
    report = yield
    if report.failed:
        for stack in stacks.running:
            report.sections.append((f"logs of {stack.url}", stack.logs()))
    return report
