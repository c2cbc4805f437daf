"""What a soak sends, what it counts of the answers, and what it sees of processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest

from scripts.bench.child import Child
from scripts.bench.processes import memory_of
from scripts.bench.servers import null_server
from scripts.bench.soak.faults import NGINX, WORKER, Faults
from scripts.bench.soak.gauges import settled
from scripts.bench.soak.mix import write_requests
from scripts.bench.soak.samples import Sampler
from scripts.catalogue import load_catalogue
from scripts.processes import ProcessRecord, wait_until, write_records
from scripts.settings import ROOT, Settings, load_settings
from tests.bench.jobs import MODEL


@pytest.mark.slow
def test_one_request_in_twenty_is_bad_and_small_models_get_most(settings: Settings, tmp_path: Path) -> None:
    models = load_catalogue(ROOT / "models.json")
    kinds = write_requests({name: models[name] for name in (MODEL, "VGG19_FER2013")}, tmp_path)
    assert sum(kind["weight"] for kind in kinds) == pytest.approx(100)
    assert sum(kind["weight"] for kind in kinds if kind["status"] != 200) == pytest.approx(5)
    assert sum(kind["weight"] for kind in kinds if "VGG19" in kind["path"]) == pytest.approx(100 / 7)
    assert {kind["status"] for kind in kinds} == {200, 400, 413, 415}
    assert all(Path(kind["path"]).read_bytes().startswith(b"POST /api/v1/predict HTTP/1.1\r\n") for kind in kinds)


@pytest.mark.slow
def test_answers_are_counted_and_wrong_ones_are_kept(settings: Settings, tmp_path: Path) -> None:
    """A server that answers 200 to everything is wrong about the bad requests only."""
    kinds = write_requests(load_catalogue(settings.catalogue), tmp_path)
    with null_server(settings, tmp_path / "null") as port, Child("scripts.bench.soak.load", tmp_path / "log") as child:
        job = {"port": port, "kinds": kinds, "clients": 3, "leavers": 2, "seconds": 4.5, "seed": 3}
        tally = child.ask(job)
    answers: Counter[str] = Counter(tally["answers"])
    good = sum(count for what, count in answers.items() if what.startswith(("small PNG", "VGA", "12 MP", "49 MP")))
    assert good == len(tally["latencies"]) > 100
    wrong = Counter(answer["kind"] for answer in tally["unexpected"])
    assert set(wrong) >= {"truncated JPEG", "no picture", "unknown model", "empty file", "56 MP PNG"}
    assert all(answers[f"{kind} 200"] == count for kind, count in wrong.items() if kind != "form of 11 MB")
    assert answers["form of 11 MB 200"] == 0  # nginx itself refuses that
    assert tally["unexpected"][0]["text"].startswith('200: {"success": true')
    assert (tally["cut_off"], tally["left"] >= 2) == ([], True)


def test_what_is_away_cannot_be_killed_and_is_told(tmp_path: Path) -> None:
    said: list[str] = []
    plan = [(0.0, WORKER), (0.1, NGINX)]
    faults = Faults(load_settings({"RUN_DIR": str(tmp_path)}), plan, [MODEL], MODEL, {}, 1, said.append)
    faults.start()
    faults.join(30)
    assert [(fault.what, fault.well) for fault in faults.done] == [(WORKER, True), (NGINX, True)]
    assert said[0].startswith("worker: not done: TorchServe is being started or has ended")
    assert said[1].startswith("nginx worker: not done: ")


def test_processes_and_logs_are_looked_at_until_the_end(tmp_path: Path) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path)})
    settings.log_dir.mkdir()
    (settings.log_dir / "a.log").write_bytes(bytes(1000))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        records = {"proxy": ProcessRecord.of(os.getpid()), "supervisor": ProcessRecord.of(os.getppid())}
        write_records(tmp_path / "stack.json", records)
        sampler = Sampler(settings, every=0.05)
        sampler.start()
        assert wait_until(lambda: len(sampler.logs) >= 3, 30)
        child.kill()
        child.wait()
        assert memory_of(psutil.Process(), "self") is not None
        sampler.end()
    seen = {(sample.pid, sample.part) for sample in sampler.samples}
    assert seen >= {(os.getpid(), "nginx master"), (os.getppid(), "supervisor"), (child.pid, "nginx worker")}
    own = [sample for sample in sampler.samples if sample.pid == os.getpid()]
    assert 10 < own[0].kept <= own[0].pss
    assert (own[0].descriptors > 2, own[0].threads >= 2) == (True, True)
    assert [at for at, _ in sampler.logs] == sorted(at for at, _ in sampler.logs)
    assert sampler.logs[0][1] == 1000


def test_what_counts_as_under_way_is_waited_for() -> None:
    counts = iter([2.0, 1.0, 0.0])
    assert settled(lambda: next(counts), 60) == 0
    assert settled(lambda: 3.0, 0) == 3
