"""The settings of a running stack need not be told again, and lead to no other stack."""

from __future__ import annotations

import subprocess
from pathlib import Path

import requests

from scripts.settings import ROOT
from tests.support.commands import run_command
from tests.support.stacks import RunningStack

NOT_RUNNING = 4
SAMPLE = ROOT / "proxy" / "pages" / "static" / "samples" / "happiness.jpg"


def only(stack: RunningStack, *names: str) -> dict[str, str]:
    """The environment of a person who says nothing but these settings."""
    return {name: stack.environment[name] for name in ("PATH", "HOME", "SETTINGS", *names)}


def predict(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "predict"), str(SAMPLE)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_commands_find_the_running_stack_by_its_run_directory(stack: RunningStack) -> None:
    told = only(stack, "RUN_DIR")
    status = run_command(told, "stack", "status")
    assert status.returncode == 0, status.stdout + status.stderr
    assert f"PORT={stack.settings.port}" in status.stdout
    assert stack.url in status.stdout
    assert "ready" in run_command(told, "lifecycle", "list").stdout
    assert predict(told).returncode == 0
    again = run_command(told, "stack", "start")
    assert again.returncode == 1
    assert f"runs already at {stack.url}; `make status` shows it" in again.stderr


def test_another_setting_is_told_to_be_of_no_effect(stack: RunningStack) -> None:
    status = run_command({**only(stack, "RUN_DIR"), "PORT": "1", "READY_WHEN": "any"}, "stack", "status")
    assert status.returncode == 0
    assert f"PORT=1: the running stack was started with {stack.settings.port}, which holds until" in status.stderr
    assert "READY_WHEN=any: the running stack was started without it" in status.stderr


def test_another_clone_s_commands_do_not_reach_it(stack: RunningStack, tmp_path: Path) -> None:
    """Its settings have the same ports."""
    ports = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
    other = {**only(stack, *ports), "RUN_DIR": str(tmp_path)}
    key_file = tmp_path / "torchserve" / "key_file.json"
    key_file.parent.mkdir()
    key_file.write_bytes(stack.settings.key_file.read_bytes())
    for arguments in (("stack", "status"), ("lifecycle", "list"), ("lifecycle", "unregister", "VGG19_CK+48")):
        assert run_command(other, *arguments).returncode == NOT_RUNNING, arguments
    refused = predict({**only(stack), "RUN_DIR": str(tmp_path)})
    assert refused.returncode == NOT_RUNNING
    assert refused.stderr.endswith("; `make start` starts the stack\n")
    assert requests.get(f"{stack.url}/api/v1/health", timeout=10).json()["loaded_models"] == 9
