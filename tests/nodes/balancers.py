"""Balancers and nodes, and what may happen to a node."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator
from pathlib import Path

import psutil

from scripts.processes import read_records
from scripts.running import record_file
from scripts.settings import load_settings
from tests.monitoring.scrape import Scrape
from tests.support.commands import run_command
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.stacks import RunningStack


@contextlib.contextmanager
def running_balancer(run_dir: Path, nodes: list[str], **settings: str) -> Generator[RunningStack]:
    """Start a balancer before ``nodes`` as a user would, on a free port, and stop it whatever happens."""
    own = {"RUN_DIR": str(run_dir), "PORT": str(free_ports(1)[0]), "NODES": " ".join(nodes)}
    environment = {**os.environ, **own, "CLIENT_REQUESTS": "0", "STAND_INS": "allowed", **settings}
    balancer = RunningStack(load_settings(environment), environment)
    try:
        started = balancer.command("balancer", "start")
        assert started.returncode == 0, started.stdout + started.stderr + balancer.logs()
        yield balancer
    finally:
        balancer.command("balancer", "stop")


def address(node: RunningStack) -> str:
    """What NODES calls it."""
    return f"127.0.0.1:{node.settings.port}"


def is_up(balancer: RunningStack, node: str) -> bool:
    """Whether the balancer takes it for one that answers."""
    return Scrape(balancer.url).value("emotion_node_up", node=node) == 1


def in_flight(balancer: RunningStack) -> float:
    """How many requests all of its nodes have under way."""
    return Scrape(balancer.url).total("emotion_node_requests_in_flight")


def places(balancer: RunningStack, model: str) -> float:
    """On how many nodes the model is READY."""
    return Scrape(balancer.url).value("emotion_model_nodes", model=model)


def kill(node: RunningStack, parts: tuple[str, ...] = ("proxy", "torchserve")) -> None:
    """Kill all processes of these parts and the supervisor at once, as when a machine loses its power."""
    records = read_records(record_file(node.settings.run_dir))
    os.kill(records["supervisor"].pid, signal.SIGKILL)
    for member in [member for part in parts for member in records[part].members()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()


def start(node: RunningStack) -> None:
    """Start it again at its address."""
    started = run_command(node.environment, "stack", "start")
    assert started.returncode == 0, started.stdout + started.stderr


def stop(node: RunningStack) -> None:
    """Stop it as a user would: it finishes what it has."""
    assert node.command("stack", "stop").returncode == 0


@contextlib.contextmanager
def hung(node: RunningStack) -> Generator[None]:
    """Stop its nginx and its supervisor: connections are accepted, by the kernel, and nothing answers."""
    records = read_records(record_file(node.settings.run_dir))
    stopped = [psutil.Process(records["supervisor"].pid), *records["proxy"].members()]
    for process in stopped:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(stopped):
            process.resume()


def wait_until_up(balancer: RunningStack, node: str, up: bool = True) -> None:
    poll(lambda: is_up(balancer, node), lambda found: found == up)
