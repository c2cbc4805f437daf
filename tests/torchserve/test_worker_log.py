"""Which lines of the logs belong to a model, and the last error among them."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.settings import Settings, load_settings
from scripts.torchserve.worker_log import belongs_to, last_error, log_files, tail

WORKER = "2026-01-01T00:00:00,000 [INFO ] W-9000-{}-stdout {}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings({"RUN_DIR": str(tmp_path)})
    made.log_dir.mkdir()
    return made


@pytest.mark.parametrize(
    ("line", "of_the_model", "of_the_version"),
    [
        (WORKER.format("A.x_1.0", "text"), True, True),
        (WORKER.format("A.x_1.1", "text"), True, False),
        (WORKER.format("A.x_1.01", "text"), True, False),
        (WORKER.format("A.x_1x0", "text"), True, False),
        (WORKER.format("Abx_1.0", "text"), False, False),
        (WORKER.format("A.xy_1.0", "text"), False, False),
        ("[W-9000-A.x_1.0] text", True, True),
        ("Loading model A.x now", True, True),
        ("Loading model 'A.x'", True, True),
        ("Loading model BA.x now", False, False),
        ("Loading model A.x-2 now", False, False),
        ("Loading model B.A.x", False, False),
        ("nothing", False, False),
    ],
)
def test_a_line_belongs_to_the_model_it_names(line: str, of_the_model: bool, of_the_version: bool) -> None:
    assert belongs_to("A.x")(line) is of_the_model
    assert belongs_to("A.x", "1.0")(line) is of_the_version


def test_the_logs_are_those_that_exist(settings: Settings) -> None:
    assert log_files(settings) == []
    for name in ("workers.log", "torchserve.log", "other.log"):
        (settings.log_dir / name).touch()
    assert [path.name for path in log_files(settings)] == ["torchserve.log", "workers.log"]


def test_the_tail_has_the_last_lines_that_are_wanted(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%d\n" % number for number in range(10)) + b"\xff\n")
    assert tail(path, 100, lambda line: True)[:2] == ["0", "1"]
    assert tail(path, 3, lambda line: True) == ["8", "9", "�"]
    assert tail(path, 2, lambda line: line in "135") == ["3", "5"]
    assert tail(path, 100, lambda line: line == "7") == ["7"]


def test_the_tail_is_of_the_last_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"x" * (2**20 - 6) + b"\nlast\n")
    first, last = tail(path, 100, lambda line: True)
    assert (len(first), last) == (2**20 - 6, "last")


def test_the_last_error_is_the_last_one_of_this_version(settings: Settings) -> None:
    lines = [
        WORKER.format("A_1", "ts.errors.FirstError: old"),
        WORKER.format("A_1", "engine.EngineError: no space (a.b)"),
        WORKER.format("A_1", "  a line without one"),
        WORKER.format("A_2", "ValueError: of another version"),
        WORKER.format("B_1", "ValueError: of another model"),
    ]
    (settings.log_dir / "workers.log").write_text("\n".join(lines))
    assert last_error(settings, "A", "1") == "engine.EngineError: no space (a.b)"
    assert last_error(settings, "A", "2") == "ValueError: of another version"
    assert last_error(settings, "A", "3") == f"see {settings.log_dir / 'workers.log'}"


def test_an_error_is_looked_for_in_400_lines(settings: Settings) -> None:
    path = settings.log_dir / "workers.log"
    assert last_error(settings, "A", "1") == f"see {path}"
    error, other = WORKER.format("A_1", "OSError: x"), WORKER.format("A_1", "text")
    path.write_text("\n".join([error, *[other] * 399]))
    assert last_error(settings, "A", "1") == "OSError: x"
    path.write_text("\n".join([error, *[other] * 400]))
    assert last_error(settings, "A", "1") == f"see {path}"
