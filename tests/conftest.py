"""Fixtures that start the real stack, as a user would, on free ports."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from scripts.checkpoints.libraries import import_openvino, import_torchvision
from scripts.settings import ROOT, Settings, load_settings
from scripts.store.unpacking import unpack_all

TEST_DIR = ROOT / ".run" / "tests"
# Not the clone's own: among archives of real checkpoints no stand-in is made.
PLACES = {"RESULTS_DIR": str(TEST_DIR / "results"), "MODEL_STORE": str(TEST_DIR / "model_store")}
READY, DEGRADED = 0, 3
# Below the range that Linux takes the ports of outgoing connections from, so that none of those is in the way.
_PORTS = range(12_000, 32_000)

_running: list[RunningStack] = []


@dataclass(frozen=True)
class RunningStack:
    """A stack some test talks to. ``environment`` is what its commands were given."""

    settings: Settings
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return self.settings.url

    def keys(self) -> dict[str, str]:
        """TorchServe's tokens by purpose: management, inference."""
        return {name: entry["key"] for name, entry in json.loads(self.settings.key_file.read_text()).items()}

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m scripts.<arguments>`` for this stack."""
        return run_command(self.environment, *arguments)

    def logs(self) -> str:
        """The end of each of its logs."""
        texts = []
        for path in sorted(self.settings.log_dir.glob("*.log")):
            texts.append(f"==> {path.name}\n" + "\n".join(path.read_text(errors="replace").splitlines()[-40:]))
        return "\n".join(texts)


StartStack = Callable[..., AbstractContextManager[RunningStack]]


def run_command(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m scripts.<arguments>`` as a user would, and capture what it prints."""
    module, *rest = arguments
    return subprocess.run(
        [sys.executable, "-m", f"scripts.{module}", *rest],
        cwd=ROOT,
        env=environment,
        text=True,
        capture_output=True,
        check=False,
        timeout=600,
    )


def program_is_missing(remedy: str) -> NoReturn:
    """End a test that needs a program of the system: skipped on a person's machine, failed in CI."""
    if os.environ.get("CI"):
        pytest.fail(remedy)
    pytest.skip(remedy)


def free_ports(count: int) -> list[int]:
    """TCP ports nothing listens on, all different."""
    with contextlib.ExitStack() as sockets:
        ports: list[int] = []
        while len(ports) < count:
            probe, port = sockets.enter_context(socket.socket()), random.choice(_PORTS)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
        return ports


def stack_environment(run_dir: Path, **settings: str) -> dict[str, str]:
    """The environment of a stack with its own ports and ``run_dir``."""
    names = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    return {**os.environ, "RUN_DIR": str(run_dir), "RATE_LIMIT": "0", **ports, **settings}


def clear_run_dir(run_dir: Path, unpacked: Path | None) -> None:
    """Remove what a stack left in ``run_dir``; archives that lie unpacked in ``unpacked`` get a second name there."""
    shutil.rmtree(run_dir, ignore_errors=True)
    if unpacked:
        shutil.copytree(unpacked, run_dir, copy_function=os.link)


@contextlib.contextmanager
def running_stack(run_dir: Path, unpacked: Path | None = None, **settings: str) -> Generator[RunningStack]:
    """Start a stack in a new ``run_dir``, yield it, and stop it whatever happens.

    Archives that lie unpacked in the run directory ``unpacked`` need not be unpacked again.
    """
    clear_run_dir(run_dir, unpacked)
    environment = stack_environment(run_dir, **settings)
    stack = RunningStack(load_settings(environment), environment)
    try:
        started = stack.command("stack", "start")
        if started.returncode not in (READY, DEGRADED):
            pytest.fail(f"the stack did not start:\n{started.stdout}{started.stderr}\n{stack.logs()}")
        _running.append(stack)
        yield stack
    finally:
        if stack in _running:
            _running.remove(stack)
        stack.command("stack", "stop")


@contextlib.contextmanager
def one_at_a_time(name: str) -> Generator[None]:
    """For what the processes of pytest-xdist have in common: one of them makes it, the others wait and find it."""
    with (TEST_DIR / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def results() -> Path:
    """Directory with the nine stand-in checkpoints; kept between runs."""
    directory = Path(PLACES["RESULTS_DIR"])
    directory.mkdir(parents=True, exist_ok=True)
    with one_at_a_time("results"):
        if not any(directory.glob("*_best.pt")):
            made = run_command({**os.environ, **PLACES}, "checkpoints.stand_ins")
            assert made.returncode == 0, made.stdout + made.stderr
    return directory


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
def start_stack(unpacked: Path, worker_id: str) -> StartStack:
    """Start a further stack with settings of its own: ``with start_stack(LOAD_MODELS="none") as stack:``.

    It finds the nine archives unpacked, as at a second start.
    """
    count = 0

    def start(**settings: str) -> AbstractContextManager[RunningStack]:
        nonlocal count
        count += 1
        return running_stack(TEST_DIR / worker_id / f"s{count}", unpacked, **{**PLACES, **settings})

    return start


@pytest.fixture(scope="session")
def stack(start_stack: StartStack) -> Iterator[RunningStack]:
    """The nine stand-in models, served."""
    with start_stack() as running:
        yield running


def pytest_configure() -> None:
    """Make room for ``--basetemp`` (pyproject.toml), which pytest does not do; share the cores; let Ctrl-C work.

    torch would otherwise start a thread per core in each of pytest-xdist's processes, and they wait for each other
    by keeping the cores busy. Two large libraries are imported here, before a test imports them whole. What a shell
    starts in the background is deaf to Ctrl-C, and so is what that starts.
    """
    TEST_DIR.mkdir(parents=True, exist_ok=True)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if processes > 1:
        os.environ["OMP_NUM_THREADS"] = str(max(1, len(os.sched_getaffinity(0)) // processes))
    import_torchvision()
    import_openvino()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with one file that needs the archives, then those that need nothing, then the stand-ins, then the rest.

    In a fresh clone one of pytest-xdist's processes builds the archives while the others have something to do.
    """
    needs = Counter[Path]()
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        needs[item.path] = max(needs[item.path], 2 * ("archives" in fixtures), "results" in fixtures)
    builder = max(needs, key=needs.__getitem__, default=None)
    items.sort(key=lambda item: -1 if item.path == builder else needs[item.path])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, Any, Any]:
    """Add the logs of the running stacks to the report of a test that failed."""
    report = yield
    if report.failed:
        for stack in _running:
            report.sections.append((f"logs of {stack.url}", stack.logs()))
    return report
