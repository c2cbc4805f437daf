"""A whole run, as short as it can be."""

from __future__ import annotations

import json
import os
from pathlib import Path

import psutil
import pytest

from tests.bench.jobs import MODEL
from tests.support.commands import run_command
from tests.support.sites import Site, some_of_the_nine


@pytest.fixture(scope="module")
def site(directory: Path, results: Path, archives: Path) -> Site:
    """One small model, whose archive is there already."""
    (directory / "site").mkdir()
    return some_of_the_nine(directory / "site", results, archives, [MODEL])


@pytest.fixture(scope="module")
def environment(site: Site) -> dict[str, str]:
    return {**os.environ, **site.environment}


@pytest.mark.slow
@pytest.mark.stack
def test_a_run_measures_both_servers_and_leaves_none_behind(
    site: Site, environment: dict[str, str], tmp_path: Path
) -> None:
    run_dir = site.settings.run_dir
    output = tmp_path / "figures.json"
    clients = ("--clients", "1", "--clients", "8")
    short = ("--quick", "--pairs", "1", "--seconds", "0.2", "--image", "small", "--precision", "none")
    done = run_command(environment, "bench", "run", *short, *clients, "--output", str(output))
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(output.read_text())
    assert max(figures["answers"].values()) <= 1e-4
    cases = {(case["title"], case["image"], case["clients"]): case for case in figures["cases"]}
    frames = {(title, "frame", count) for title in ("MobileNetV2", "all models") for count in (1, 8)}
    assert cases.keys() == frames | {("MobileNetV2", "small", 1)}
    for case in figures["cases"]:
        assert [case[server]["errors"] for server in ("stack", "reference", "peer")] == [{}, {}, {}]
        assert case["pipeline"]["rate"] > 0
        assert case["stack"]["requests"] >= case["clients"]
    names = {process["name"] for process in figures["memory"]["stack"]}
    assert {"torchserve", "proxy", f"worker {MODEL}"} <= names
    assert set(figures["breakdown"]["MobileNetV2"]["latency"]) == {"decode", "resize", "network", "torchserve", "proxy"}
    assert "targets reached" in done.stdout
    assert not [process for process in psutil.process_iter() if str(run_dir) in " ".join(command(process))]


@pytest.mark.slow
@pytest.mark.stack
def test_faces_are_measured_beside_predictions(site: Site, environment: dict[str, str]) -> None:
    options = ["--architecture", "MobileNetV2", "--seconds", "0.2", "--pairs", "1"]
    done = run_command(environment, "bench", "faces", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((site.settings.run_dir / "bench" / "faces.json").read_text())
    assert [(case["architecture"], case["clients"]) for case in figures["cases"]] == [
        ("MobileNetV2", 1),
        ("MobileNetV2", 8),
    ]
    for case in figures["cases"]:
        assert case["rate"] > 0
        assert case["faces"]["worker_ms"] > 0
        assert case["faces"]["stack_ms"] > case["faces"]["worker_ms"]
    assert "Finding the faces of a 640×480 frame with one face" in done.stdout


@pytest.mark.slow
@pytest.mark.stack
def test_more_clients_than_can_be_answered_are_measured_beside_few(site: Site, environment: dict[str, str]) -> None:
    options = ["--architecture", "MobileNetV2", "--seconds", "1", "--rounds", "1", "--clients", "20"]
    done = run_command(environment, "bench", "overload", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    (case,) = json.loads((site.settings.run_dir / "bench" / "overload.json").read_text())["cases"]
    assert len(case["parts"]) == 4
    for part in case["parts"].values():
        assert part["rate"] > 0
        assert part["errors"] == {}
    assert case["leaving"]["milliseconds"] > 0
    assert "More clients than a model can answer" in done.stdout


def command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
