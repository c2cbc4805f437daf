"""Starting, stopping and showing the stack, as a person does it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import psutil
import pytest
import requests

from scripts.processes import ProcessRecord, read_records, write_records
from scripts.settings import ROOT
from scripts.torchserve import class_data
from scripts.torchserve import process as torchserve_process
from tests.support.authority import Authority
from tests.support.commands import run_command
from tests.support.places import TEST_DIR
from tests.support.polling import poll
from tests.support.stacks import RunningStack, StartStack, clear_run_dir, stack_environment

ONE = "MobileNetV2_CK+48"
SERVE_DIR = TEST_DIR / "serve"


def processes_below(directory: Path) -> list[psutil.Process]:
    """Processes whose command line names a file below ``directory``."""
    everything = psutil.process_iter(["cmdline"])
    return [one for one in everything if any(str(directory) in part for part in one.info["cmdline"] or [])]


def test_a_second_start_says_that_the_stack_runs(stack: RunningStack) -> None:
    again = stack.command("stack", "start")
    assert again.returncode == 1
    assert f"runs already at {stack.url}" in again.stderr


def test_a_second_serve_leaves_the_running_stack_alone(stack: RunningStack) -> None:
    again = stack.command("stack", "serve")
    assert again.returncode == 1
    assert f"runs already at {stack.url}" in again.stderr
    assert requests.get(f"{stack.url}/api/v1/health", timeout=10).json()["status"] == "healthy"


def test_a_start_that_others_can_reach_is_refused_without_a_key(tmp_path: Path) -> None:
    """Before anything is built."""
    environment = stack_environment(tmp_path / "run", MODEL_STORE=str(tmp_path), BIND_ADDRESS="0.0.0.0")
    refused = run_command(environment, "stack", "start")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        "BIND_ADDRESS=0.0.0.0: others can reach the service, so a key is required, but there is none; make one with "
        "`scripts/keys add NAME`, or let everybody use it with ALLOW_ANONYMOUS=1\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_two_starts_at_once_leave_one_stack(archives: Path, results: Path, unpacked: Path) -> None:
    clear_run_dir(TEST_DIR / "twice", unpacked)
    environment = stack_environment(
        TEST_DIR / "twice", RESULTS_DIR=str(results), MODEL_STORE=str(archives), LOAD_MODELS=ONE
    )
    command = [sys.executable, "-m", "scripts.stack", "start"]
    both = [
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2)
    ]
    try:
        outputs = {process.communicate(timeout=300)[0]: process.returncode for process in both}
        assert sorted(outputs.values()) == [0, 1], outputs
        refusal = next(output for output, code in outputs.items() if code)
        assert "is writing into twice/ already" in refusal or "runs already at" in refusal
        assert requests.get(f"http://127.0.0.1:{environment['PORT']}/api/v1/health/ready", timeout=10).ok
    finally:
        run_command(environment, "stack", "stop")


def test_the_jvm_maps_its_archived_classes(stack: RunningStack) -> None:
    pid = read_records(stack.settings.run_dir / "stack.json")["torchserve"].pid
    assert str(torchserve_process.CLASS_DATA.resolve()) in Path(f"/proc/{pid}/maps").read_text()


def test_classes_that_cannot_be_archived_are_told_and_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    deep = tmp_path / ("long" * 30)
    deep.mkdir()
    monkeypatch.setattr(torchserve_process, "CLASS_DATA", deep / "torchserve.jsa")
    assert class_data.main() == 0
    assert "its class data cannot be archived: " in capsys.readouterr().err
    assert list(deep.iterdir()) == []


def test_status_shows_processes_and_every_model(stack: RunningStack) -> None:
    shown = stack.command("stack", "status")
    assert shown.returncode == 0
    assert shown.stdout.count("runs, process") == 3
    for name in json.loads((ROOT / "models.json").read_text()):
        assert any(line.startswith(f"{name} ") and "ready" in line for line in shown.stdout.splitlines()), shown.stdout


def test_a_taken_port_is_named_with_the_remedy(archives: Path, results: Path) -> None:
    environment = stack_environment(TEST_DIR / "taken", RESULTS_DIR=str(results), MODEL_STORE=str(archives))
    with socket.create_server(("127.0.0.1", int(environment["INFERENCE_PORT"]))):
        started = run_command(environment, "stack", "start")
    assert started.returncode == 1
    assert f"INFERENCE_PORT={environment['INFERENCE_PORT']}: the port is taken" in started.stderr


def test_a_certificate_that_cannot_serve_ends_a_start_before_anything_runs(tmp_path: Path) -> None:
    pair, other = Authority(tmp_path).issue("own"), Authority(tmp_path).issue("other")
    tls = {"TLS_CERTIFICATE": str(pair.certificate), "TLS_KEY": str(other.key)}
    started = run_command(stack_environment(tmp_path / "run", **tls), "stack", "start")
    assert started.returncode == 1
    assert started.stderr.startswith(f"TLS_KEY={other.key}: is not the key of the first certificate in ")
    assert read_records(tmp_path / "run" / "stack.json") == {}


def test_an_unknown_model_in_load_models_is_named(archives: Path, results: Path) -> None:
    environment = stack_environment(
        TEST_DIR / "unknown", RESULTS_DIR=str(results), MODEL_STORE=str(archives), LOAD_MODELS="ResNet51_CK+48"
    )
    started = run_command(environment, "stack", "start")
    assert started.returncode == 1
    assert "LOAD_MODELS: 'ResNet51_CK+48' is not in models.json" in started.stderr


def test_a_path_too_long_for_sockets_is_named_with_the_remedy(archives: Path, results: Path) -> None:
    directory = TEST_DIR / ("long" * 30)
    environment = stack_environment(directory, RESULTS_DIR=str(results), MODEL_STORE=str(archives))
    started = run_command(environment, "stack", "start")
    assert started.returncode == 1
    assert "set RUN_DIR to a shorter path" in started.stderr.replace("\n", " ")


def test_status_and_stop_without_a_stack_say_so(tmp_path: Path) -> None:
    environment = stack_environment(tmp_path)
    shown = run_command(environment, "stack", "status")
    assert shown.returncode == 4
    assert "Nothing runs; `make start` starts it." in shown.stdout
    stopped = run_command(environment, "stack", "stop")
    assert (stopped.returncode, stopped.stdout) == (0, "Nothing runs.\n")


def test_a_stale_record_never_names_another_process(tmp_path: Path) -> None:
    record = tmp_path / "stack.json"
    write_records(record, {"torchserve": ProcessRecord(os.getpid(), 1.0)})
    assert not read_records(record)["torchserve"].alive
    stopped = run_command(stack_environment(tmp_path), "stack", "stop")
    assert stopped.stdout == "Nothing runs.\n"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"torchserve": {"pid": 1}}'])
def test_a_damaged_record_counts_as_none(tmp_path: Path, content: str) -> None:
    record = tmp_path / "stack.json"
    record.write_text(content)
    assert read_records(record) == {}


@pytest.fixture(scope="module")
def small(start_stack: StartStack) -> Iterator[RunningStack]:
    with start_stack(LOAD_MODELS=ONE) as running:
        yield running


def test_half_a_stack_is_told_and_stopped_and_started_again(small: RunningStack) -> None:
    records = read_records(small.settings.run_dir / "stack.json")
    os.kill(records["supervisor"].pid, signal.SIGKILL)
    proxy = records["proxy"]
    os.killpg(proxy.pid, signal.SIGKILL)
    poll(lambda: not proxy.alive, seconds=10)
    shown = small.command("stack", "status")
    assert (shown.returncode, "Half of it runs" in shown.stdout) == (1, True), shown.stdout
    refused = small.command("stack", "start")
    assert (refused.returncode, "half of the stack runs (torchserve" in refused.stderr) == (1, True), refused.stderr
    assert small.command("stack", "stop").stdout == "Stopped torchserve.\n"
    assert small.command("stack", "start").returncode == 0
    assert requests.get(f"{small.url}/api/v1/health", timeout=10).ok


def test_stopping_leaves_no_process_and_no_temporary_file(small: RunningStack) -> None:
    run_dir = small.settings.run_dir
    assert processes_below(run_dir)
    assert small.command("stack", "stop").returncode == 0
    poll(lambda: processes_below(run_dir), lambda found: not found, 10)
    assert [name for name in ("tmp", "stack.json") if (run_dir / name).exists()] == []


@contextlib.contextmanager
def serving(archives: Path, results: Path, unpacked: Path) -> Generator[tuple[subprocess.Popen[str], str]]:
    """``serve`` in its own process and what it printed until its logs follow; nothing of it is left at the end."""
    clear_run_dir(SERVE_DIR, unpacked)
    environment = stack_environment(
        SERVE_DIR, RESULTS_DIR=str(results), MODEL_STORE=str(archives), LOAD_MODELS=ONE, PYTHONUNBUFFERED="1"
    )
    command = [sys.executable, "-m", "scripts.stack", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            printed = ""
            while "Ctrl-C stops everything" not in printed:
                line = process.stdout.readline()
                assert line, f"serve ended:\n{printed}"
                printed += line
            yield process, printed
        finally:
            process.kill()
            run_command(environment, "stack", "stop")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_serve_stays_in_the_foreground_and_stops_everything(
    archives: Path, results: Path, unpacked: Path, number: int
) -> None:
    with serving(archives, results, unpacked) as (process, printed):
        assert f"curl -F model={ONE}" in printed
        process.send_signal(number)
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0
        assert "Stopping." in rest
        assert processes_below(SERVE_DIR) == []


def test_serve_brings_back_what_ends_and_stop_ends_it_alone(archives: Path, results: Path, unpacked: Path) -> None:
    """It shares its process group with others, whose leader may have gone: they are none of its business."""
    with serving(archives, results, unpacked) as (process, _):
        assert read_records(SERVE_DIR / "stack.json")["supervisor"].group == 0
        assert process.stdout
        killed = read_records(SERVE_DIR / "stack.json")["torchserve"]
        os.kill(killed.pid, signal.SIGKILL)
        printed = ""
        while "supervisor: torchserve is back" not in printed:
            line = process.stdout.readline()
            assert line, f"serve ended:\n{printed}"
            printed += line
        assert read_records(SERVE_DIR / "stack.json")["torchserve"] != killed
        run_command({**os.environ, "RUN_DIR": str(SERVE_DIR)}, "stack", "stop")
        rest = process.communicate(timeout=60)[0]
        assert process.returncode == 0
        assert "Stopping." in rest
        assert processes_below(SERVE_DIR) == []
