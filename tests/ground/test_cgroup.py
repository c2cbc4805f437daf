"""What control groups allow: of both versions, nested, and of a real one where this machine has them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import cgroup
from scripts.settings import ROOT

OWN = len(os.sched_getaffinity(0))
REAL = Path("/sys/fs/cgroup/cpu")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(cgroup, "ROOT", tmp_path)
    monkeypatch.setattr(cgroup, "MEMBERSHIP", tmp_path / "membership")
    return tmp_path


def group(root: Path, folder: str, **files: str) -> None:
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / folder / name.replace("__", ".")).write_text(f"{text}\n")


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight processors."""
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(8)))


@pytest.mark.parametrize(
    ("quota", "cpus"), [("max 100000", 8), ("400000 100000", 4), ("150000 100000", 2), ("5000 100000", 1), ("9 1", 8)]
)
@pytest.mark.usefixtures("eight")
def test_a_quota_of_version_2_counts_rounded_up(root: Path, quota: str, cpus: int) -> None:
    group(root, "a/b", cpu__max=quota)
    (root / "membership").write_text("0::/a/b\n")
    assert cgroup.available_cpus() == cpus


@pytest.mark.usefixtures("eight")
def test_of_nested_groups_the_least_counts(root: Path) -> None:
    (root / "membership").write_text("0::/a/b\n")
    group(root, "a", cpu__max="200000 100000", memory__max="900", memory__current="50")
    group(root, "a/b", cpu__max="500000 100000", memory__max="1000", memory__current="40")
    assert cgroup.available_cpus() == 2
    found = cgroup.memory_group()
    assert found is not None
    assert (found.limit, found.use, found.idle) == (900, 50, "inactive_file")


@pytest.mark.usefixtures("eight")
def test_version_1_has_a_hierarchy_for_each_controller(root: Path) -> None:
    (root / "membership").write_text("5:cpu,cpuacct:/a\n4:memory:/m\n1:name=systemd:/s\n")
    group(root, "cpu,cpuacct/a", cpu__cfs_quota_us="300000", cpu__cfs_period_us="100000")
    group(root, "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    group(root, "memory/m", memory__limit_in_bytes="700", memory__usage_in_bytes="60")
    group(root, "memory", memory__limit_in_bytes="9223372036854771712")
    assert cgroup.available_cpus() == 3
    found = cgroup.memory_group()
    assert found is not None
    assert (found.limit, found.use, found.idle) == (700, 60, "total_inactive_file")


@pytest.mark.parametrize("membership", ["0::/\n", "0::/../elsewhere\n", "0::/not/here\n", ""])
@pytest.mark.usefixtures("eight")
def test_a_container_sees_its_own_group_as_the_root(root: Path, membership: str) -> None:
    (root / "membership").write_text(membership or "0::/\n")
    if not membership:
        (root / "membership").unlink()
    group(root, ".", cpu__max="100000 100000", memory__max="800")
    assert cgroup.available_cpus() == 1
    found = cgroup.memory_group()
    assert found is not None
    assert found.limit == 800


def test_without_groups_it_is_what_the_process_may_run_on(root: Path) -> None:
    assert (cgroup.available_cpus(), cgroup.memory_group()) == (OWN, None)
    group(root, ".", cpu__max="max 100000", memory__max="max")
    assert (cgroup.available_cpus(), cgroup.memory_group()) == (OWN, None)


@pytest.fixture
def real() -> Iterator[Path]:
    """A group of this machine with the time of one processor."""
    folder = REAL / "emotions-test" / "inner"
    try:
        folder.mkdir(parents=True)
        (folder.parent / "cpu.cfs_quota_us").write_text("100000")
    except OSError as error:
        pytest.skip(f"no group can be made ({error})")
    yield folder
    for own in (folder, folder.parent):
        own.rmdir()


def test_a_real_group_is_obeyed(real: Path) -> None:
    program = (
        f"import os; open('{real}/cgroup.procs', 'w').write(str(os.getpid()));"
        "from scripts.cgroup import available_cpus; print(available_cpus())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
