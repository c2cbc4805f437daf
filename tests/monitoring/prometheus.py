"""A real Prometheus that scrapes one stack, with the project's rules in a hurry."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import requests
import yaml

from scripts.settings import ROOT
from tests.support.commands import program_is_missing
from tests.support.polling import poll
from tests.support.ports import free_ports

MONITORING = ROOT / "monitoring"
# What the rules call minutes, a test waits for in seconds.
HURRY = {r"\[15m\]": "[20s]", r"\[(5m|30m|1h|6h|3d)\]": "[10s]", r"for: \d+m": "for: 1s"}
RULE_FILES = ("rules.yml", "slo_rules.yml")
LOOK_SECONDS = 0.25  # between two questions about alerts, which change once a second


def rule_groups() -> list[dict[str, Any]]:
    """The groups of the project's rules."""
    return [group for name in RULE_FILES for group in yaml.safe_load((MONITORING / name).read_text())["groups"]]


class Prometheus:
    """Queries to a running Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an API call."""
        answer = requests.get(f"{self.url}/api/v1/{path}", params=parameters, timeout=10).json()
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples of an instant query."""
        result: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return result

    def firing(self) -> set[str]:
        """Names of the alerts that fire."""
        return {alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"] if alert["state"] == "firing"}

    def wait_until_firing(self, *alerts: str, seconds: float = 60) -> None:
        """Wait until all of the alerts fire."""
        poll(self.firing, lambda firing: set(alerts) <= firing, seconds, LOOK_SECONDS)

    def wait_until_quiet(self, seconds: float = 120) -> None:
        """Wait until no alert fires but the one that the tests' models are stand-ins."""
        poll(self.firing, lambda firing: firing <= {"EmotionStandInServed"}, seconds, LOOK_SECONDS)


@contextlib.contextmanager
def running_prometheus(directory: Path, target: str, thresholds: Mapping[str, float]) -> Generator[Prometheus]:
    """Start a Prometheus that scrapes ``target`` (host:port) every second; stop it whatever happens.

    ``thresholds`` replace those of the rules, by their names without the prefix.
    """
    if shutil.which("prometheus") is None:
        program_is_missing("Prometheus is not installed; it is Debian's package prometheus")
    config = _configure(directory, target, thresholds)
    (port,) = free_ports(1)
    log = directory / "prometheus.log"
    command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory / 'data'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    command += ["--enable-feature=exemplar-storage"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        prometheus = Prometheus(f"http://127.0.0.1:{port}")
        poll(lambda: process.poll() is not None or _scrapes(prometheus), lambda done: done)
        assert process.poll() is None, log.read_text()
        yield prometheus
    finally:
        process.terminate()
        process.wait(30)


def _configure(directory: Path, target: str, thresholds: Mapping[str, float]) -> Path:
    """Copies of the project's configuration and rules; the path of the former."""
    rules, slo_rules = ((MONITORING / name).read_text() for name in RULE_FILES)
    for pattern, replacement in HURRY.items():
        rules, count = re.subn(pattern, replacement, rules)
        slo_rules, more = re.subn(pattern, replacement, slo_rules)
        assert count + more, pattern
    for name, value in thresholds.items():
        pattern = rf"(record: emotion:threshold:{name}\n +expr: )vector\(.*\)"
        rules, count = re.subn(pattern, rf"\g<1>vector({value})", rules)
        assert count == 1, name
    for name, text in zip(RULE_FILES, (rules, slo_rules), strict=True):
        (directory / name).write_text(text)
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    (job,) = config["scrape_configs"]
    job["static_configs"] = [{"targets": [target]}]
    path = directory / "prometheus.yml"
    path.write_text(yaml.safe_dump(config))
    return path


def _scrapes(prometheus: Prometheus) -> bool:
    try:
        return any(target["health"] == "up" for target in prometheus.get("targets")["activeTargets"])
    except (requests.RequestException, ValueError):
        return False
