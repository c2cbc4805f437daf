"""SERVE_ONLY=1: archives that were built elsewhere serve without PyTorch, and nothing is built."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from scripts.settings import ROOT, Settings, load_settings
from scripts.store.index import read_index, write_index
from scripts.store.serve_only import ServeOnlyError, check_store
from tests.support.asking import predict
from tests.support.models import OTHER
from tests.support.places import TEST_DIR
from tests.support.ports import free_ports

ARCHIVE = "MobileNetV2_FER2013"
MOST = 700_000_000  # bytes of all that is installed


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    names = ("MODEL_STORE", "RESULTS_DIR", "RUN_DIR")
    return load_settings({"SERVE_ONLY": "1"} | {name: str(tmp_path / name) for name in names})


def write(settings: Settings, **entry: object) -> None:
    settings.model_store.mkdir()
    usual = {"archive": "X.mar", "stand_in": False, "runtime": "openvino", "error": None}
    write_index(settings.index_file, {"X": {**usual, **entry}})  # type: ignore[typeddict-item]


def test_without_archives_it_says_where_they_come_from(settings: Settings) -> None:
    with pytest.raises(ServeOnlyError, match=r"MODEL_STORE: has no archives .* copy the folder from where"):
        check_store(settings, ["X"])
    write(settings)
    with pytest.raises(ServeOnlyError):
        check_store(settings, ["Y"])
    check_store(settings, ["X", "Y"])


def test_a_stand_in_serves_only_where_this_host_allows_it(settings: Settings) -> None:
    write(settings, stand_in=True)
    check_store(settings, ["X"])
    assert read_index(settings.index_file)["X"]["error"] is None
    check_store(replace(settings, stand_ins="never"), ["X"])
    assert "that of a stand-in" in str(read_index(settings.index_file)["X"]["error"])


def test_an_archive_that_needs_pytorch_is_refused_where_there_is_none(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(settings, runtime="torch")
    check_store(settings, ["X"])
    assert read_index(settings.index_file)["X"]["error"] is None
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check_store(settings, ["X"])
    assert "needs PyTorch (RUNTIME=torch)" in str(read_index(settings.index_file)["X"]["error"])


@pytest.fixture(scope="module")
def python(process: str) -> Iterator[Path]:
    """An interpreter that has what requirements/serve.txt says, and nothing else."""
    folder = TEST_DIR / process / "serve-only-packages"
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder)
    own = folder / "bin" / "python"
    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        own,
        "install",
        "--quiet",
        "--requirement",
        ROOT / "requirements" / "serve.txt",
    ]
    subprocess.run(install, check=True, capture_output=True, timeout=300)
    yield own
    shutil.rmtree(folder)


@pytest.mark.stack
@pytest.mark.slow
def test_a_copied_archive_answers_without_pytorch(archives: Path, python: Path, tmp_path: Path) -> None:
    assert sum(file.lstat().st_size for file in python.parents[1].rglob("*")) < MOST
    store = tmp_path / "store"
    store.mkdir()
    for file in archives.glob(f"{ARCHIVE}.*"):
        shutil.copy(file, store)
    write_index(store / "index.json", {OTHER: read_index(archives / "index.json")[OTHER]})
    entry = json.loads((ROOT / "models.json").read_text())[OTHER]
    (tmp_path / "models.json").write_text(json.dumps({OTHER: entry}))
    places = {"CATALOGUE": "models.json", "MODEL_STORE": "store", "RESULTS_DIR": "none", "RUN_DIR": "run"}
    ports = dict(zip(load_settings({}).ports, map(str, free_ports(4)), strict=True))
    environment = {"PATH": "/usr/bin:/bin", "SERVE_ONLY": "1", **ports}
    environment |= {name: str(tmp_path / place) for name, place in places.items()}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(python), "-m", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )

    try:
        started = run("scripts.stack", "start")
        assert started.returncode == 0, started.stdout + started.stderr
        answer = predict(f"http://127.0.0.1:{ports['PORT']}", OTHER)
        assert (answer.status, answer.body["model"]) == (200, OTHER)
        (tmp_path / "none").mkdir()
        refused = run("scripts.archives", "--force")
        assert (refused.returncode, "building needs PyTorch" in refused.stderr) == (1, True), refused.stderr
    finally:
        stopped = run("scripts.stack", "stop")
    assert stopped.returncode == 0, stopped.stderr
