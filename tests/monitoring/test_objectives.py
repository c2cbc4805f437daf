"""The rules of the objectives are made from monitoring/slo.yml, which is checked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.catalogue import ARCHITECTURES
from scripts.monitoring import __main__ as command
from scripts.monitoring.objectives import ObjectivesError, read_objectives
from scripts.settings import ROOT

from .prometheus import rule_groups

GOOD = "availability: 0.999\nlatency: {objective: 0.99, seconds: {VGG19: 1}}\n"


def test_the_rules_are_those_of_the_objectives() -> None:
    assert command.RULES.read_text() == command.rules_text(), "run python -m scripts.monitoring"


def test_every_architecture_has_a_latency_that_the_histogram_can_tell() -> None:
    seconds = read_objectives(command.OBJECTIVES).seconds
    assert seconds.keys() == set(ARCHITECTURES)
    counters = (ROOT / "proxy" / "njs" / "counting" / "counters.js").read_text()
    found = re.search(r"emotion_http_request_duration_seconds:\s+\[(.*?)\]", counters)
    assert found
    assert set(seconds.values()) <= {float(bound) for bound in found[1].split(",")}


def test_the_alerts_have_labels_that_tell_the_objective() -> None:
    recorded = [rule for group in rule_groups() for rule in group["rules"] if "slo_burn_rate" in rule.get("record", "")]
    names = {rule["labels"]["slo"] for rule in recorded}
    assert names == {"availability", *(f"latency of {name}" for name in ARCHITECTURES)}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ("availability: 99.9", "availability: 99.9"),
        ("availability: 1", "availability: 1"),
        ("availability: true", "availability: True"),
        ("availability: much", "availability: 'much'"),
    ],
)
def test_a_part_that_is_none_is_named(tmp_path: Path, changed: str, named: str) -> None:
    assert named in refusal(tmp_path, GOOD.replace("availability: 0.999", changed))


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "the file has None"),
        ("[", "slo.yml cannot be read"),
        (GOOD + "uptime: 1\n", "uptime"),
        (GOOD.replace("{VGG19: 1}", "{}"), "names no architecture"),
        (GOOD.replace("VGG19: 1", "VGG19: 0"), "VGG19: 0 must be a number above 0"),
        (GOOD.replace("VGG19", "'VGG.*'"), "'VGG.*' is no architecture"),
        (GOOD.replace("objective", "aim"), "aim"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_what_is_wrong(tmp_path: Path, content: str, named: str) -> None:
    assert named in refusal(tmp_path, content)


def refusal(folder: Path, content: str) -> str:
    path = folder / "slo.yml"
    path.write_text(content)
    with pytest.raises(ObjectivesError) as refused:
        read_objectives(path)
    return str(refused.value)
