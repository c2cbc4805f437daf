"""Two nodes with model stores of their own, managed from a third machine, and what may go wrong on one of them."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from scripts.nodes.node import Node
from scripts.processes import read_records
from scripts.running import record_file
from scripts.settings import ROOT
from scripts.torchserve.management import Management
from tests.lifecycle.remote import make_key
from tests.support.commands import run_command
from tests.support.models import ARCHIVE, SERVED
from tests.support.operator_view import stopped
from tests.support.polling import poll
from tests.support.ports import free_ports
from tests.support.sites import Site, repack, some_of_the_nine, write_checksum
from tests.support.stacks import RunningStack, StartStack

GUEST = "Guest.mar"


@dataclass(frozen=True)
class Pair:
    """Two nodes with model stores of their own, and what a person at a third machine knows of them."""

    stacks: list[RunningStack]
    sites: list[Site]
    environment: dict[str, str]

    @property
    def urls(self) -> list[str]:
        return self.environment["MANAGEMENT_NODES"].split()

    def command(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return run_command({**self.environment, **settings}, "lifecycle", "nodes", *arguments)

    def make(self, *arguments: str, code: int = 0, **settings: str) -> list[str]:
        """Run a command that ends with ``code``; the outcome of each node."""
        made = self.command(*arguments, "--json", **settings)
        assert made.returncode == code, made.stdout + made.stderr
        outcomes = json.loads(made.stdout)["nodes"]
        assert [outcome["node"] for outcome in outcomes] == self.urls
        return [outcome["state"] for outcome in outcomes]

    def serving(self, archive: str = ARCHIVE) -> list[list[tuple[str, bool, int]]]:
        """For each node the versions of the model, whether each is the default, and its READY workers."""
        found = [self.node(number).versions(archive) for number in range(len(self.urls))]
        return [[(one.version, place == 0, one.ready) for place, one in enumerate(versions)] for versions in found]

    def listed(self) -> list[list[tuple[str, bool, int]]]:
        """The same of SERVED, as ``models nodes list`` says."""
        listed = self.command("list", "--json")
        assert listed.returncode == 0, listed.stderr
        rows = [row for row in json.loads(listed.stdout) if row["model"] == SERVED]
        return [
            [(row["version"], row["default"], row["ready"]) for row in rows if row["node"] == url] for url in self.urls
        ]

    def key(self, node: int) -> str:
        return Path(self.environment["MANAGEMENT_NODES_KEY_FILE"]).read_text().splitlines()[node].split()[1]

    def node(self, node: int) -> Node:
        return Node(self.urls[node], self.key(node), None, Event())

    def supervisor(self, node: int) -> int:
        return read_records(record_file(self.stacks[node].settings.run_dir))["supervisor"].pid

    def put(self, archive: Path, *nodes: int) -> None:
        """Copy an archive of the first node's store, or another place, into the stores of ``nodes``."""
        for node in nodes:
            copy = self.sites[node].store / archive.name
            if copy != archive:
                shutil.copyfile(archive, copy)
            write_checksum(copy)


class Meddled(Node):
    """A node where somebody else starts a worker after each change."""

    def change(self, command: str, model: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        answer = super().change(command, model, parameters)
        super().change("scale", model, {"workers": "2"})
        return answer


@contextlib.contextmanager
def running_pair(start_stack: StartStack, folder: Path, results: Path, archives: Path) -> Iterator[Pair]:
    """Two nodes that serve SERVED; the first may have four workers, the second three."""
    sites = []
    for name in ("one", "two"):
        (folder / name).mkdir()
        sites.append(some_of_the_nine(folder / name, results, archives, [SERVED]))
    listen = [f"127.0.0.1:{port}" for port in free_ports(2)]
    with contextlib.ExitStack() as exits:
        stacks = [
            exits.enter_context(start_stack(**site.places, CPUS="1", MANAGEMENT_LISTEN=where, MAX_WORKERS=most))
            for site, where, most in zip(sites, listen, "43", strict=True)
        ]
        urls = [f"http://{where}" for where in listen]
        keys = folder / "keys"
        lines = [f"{url} {make_key(stack, 'ops')}\n" for url, stack in zip(urls, stacks, strict=True)]
        keys.write_text("".join(lines))
        known = {"MANAGEMENT_NODES": " ".join(urls), "MANAGEMENT_NODES_KEY_FILE": str(keys)}
        own = {"RUN_DIR": str(folder / "third"), "CATALOGUE": str(sites[0].catalogue_file)}
        yield Pair(stacks, sites, {**stacks[0].environment, **known, **own})


def broken_on(pair: Pair, node: int, file: str, version: str, name: str | None = None) -> Path:
    """The same archive in both stores, whose handler does not load below the run directory of one node."""
    source = pair.sites[0].archive(SERVED)
    with zipfile.ZipFile(source) as archive:
        handler = archive.read("emotion_handler.py").decode()
    run_dir = str(pair.stacks[node].settings.run_dir)
    handler += f"\nif __file__.startswith({run_dir!r}):\n    raise RuntimeError('broken on purpose')\n"
    made = repack(source, pair.sites[0].store / file, version, {"emotion_handler.py": handler}, name=name)
    pair.put(made, 0, 1)
    return made


def next_version(pair: Pair, version: str = "1.1") -> str:
    made = repack(pair.sites[0].archive(SERVED), pair.sites[0].store / f"{ARCHIVE}-{version}.mar", version)
    pair.put(made, 0, 1)
    return made.name


@contextlib.contextmanager
def registering_on_one(pair: Pair, *options: str) -> Generator[subprocess.Popen[str]]:
    """A command that has registered Guest on the first node and waits for the second, whose supervisor stands still."""
    command = [sys.executable, "-m", "scripts.lifecycle", "nodes", "register", GUEST, "--json", *options]
    with subprocess.Popen(command, cwd=ROOT, env=pair.environment, stdout=-1, stderr=-1, text=True) as running:
        assert running.stderr
        try:
            assert "Asking" in running.stderr.readline()
            assert f"register {GUEST}" in running.stderr.readline()  # both have said that it can be done
            with stopped(pair.supervisor(1)):
                node = Management(pair.stacks[0].settings)
                poll(lambda: "Guest" in node.names() and node.describe("Guest")[0].ready, seconds=60)
                yield running
        finally:
            running.kill()


def outcomes(running: subprocess.Popen[str]) -> list[dict[str, Any]]:
    said, _ = running.communicate(timeout=120)
    found: list[dict[str, Any]] = json.loads(said)["nodes"]
    return found
