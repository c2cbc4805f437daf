"""Dashboard and rules ask only for metrics that a running stack has, with labels those have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import images
from tests.support.client import Client
from tests.support.models import ARCHIVE, SERVED
from tests.support.sites import Site, repack

from .prometheus import MONITORING, rule_groups
from .scrape import Scrape

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

DASHBOARD = MONITORING / "grafana" / "emotion-service.json"
GROUPS = rule_groups()
RECORDED = {rule["record"] for group in GROUPS for rule in group["rules"] if "record" in rule}
# What Prometheus makes itself.
BUILT_IN = {"ALERTS", "up"}


def panels() -> Iterator[dict[str, Any]]:
    """The dashboard's panels without its headings."""
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        if panel["type"] != "row":
            yield panel


def metrics_of(expression: str) -> set[str]:
    """The metrics an expression asks for: its words without strings, labels, functions and grouping."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|on|without|ignoring)\s*\([^)]*\)", " ", bare)
    words = re.findall(r"[a-zA-Z_:][\w:]*(?!\w*\s*\()", bare)
    return set(words) - {"and", "or", "unless", "bool"}


def expressions() -> list[str]:
    """Every expression of the rules and the dashboard."""
    ruled = [rule["expr"] for group in GROUPS for rule in group["rules"]]
    shown = [target["expr"] for panel in panels() for target in panel["targets"]]
    return ruled + shown


def test_expressions_are_taken_apart() -> None:
    asked = metrics_of('sum by (job) (rate(a_total{b="c"}[5m])) / on (job) x:y:z > scalar(t) and d == 1')
    assert asked == {"a_total", "x:y:z", "t", "d"}


@pytest.fixture(scope="module")
def shadow(monitored: RunningStack, site: Site) -> Iterator[None]:
    """A second version of SERVED, which is tried."""
    archive = repack(site.archive(SERVED), site.store / f"{ARCHIVE}-9.0.mar", "9.0")
    assert monitored.command("lifecycle", "shadow", SERVED, archive.name).returncode == 0
    yield
    assert monitored.command("lifecycle", "abort", SERVED).returncode == 0
    archive.unlink()


@pytest.fixture(scope="module")
def existing(client: Client, shadow: None) -> set[str]:
    """Names of the metrics of a stack that has answered a prediction, and tries a version."""
    client.predict(images.frame(92), SERVED)
    client.faces(images.frame(92), SERVED)
    return Scrape(client.url).names() | RECORDED | BUILT_IN


@pytest.mark.parametrize("expression", expressions())
def test_every_metric_that_is_asked_for_exists(existing: set[str], expression: str) -> None:
    asked = metrics_of(expression) - {"vector"}
    assert asked or expression.startswith("vector(")
    assert asked <= existing


# The status of clients that leave by HTTP/2, which this stack does not speak; contract/test_tls.py counts one.
LEFT = "499"
# What Prometheus adds to what it scrapes.
OF_THE_SCRAPE = {"job", "instance"}
WORD = r"[a-zA-Z_]\w*"


def grouping(expression: str) -> set[str]:
    """The labels an expression groups or matches by."""
    lists = re.findall(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)", expression)
    return {label.strip() for labels in lists for label in labels.split(",")}


def selectors(expression: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Metrics with a selector, and its labels, operators and values."""
    found = re.findall(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}", expression)
    return [(metric, re.findall(rf'({WORD})(=~|!~|!=|=)"([^"]*)"', inner)) for metric, inner in found]


@pytest.fixture(scope="module")
def labelled(client: Client, existing: set[str]) -> dict[str, dict[str, set[str]]]:
    """By metric and label, the values that a stack has; a recorded one has the labels it is grouped by."""
    metrics: dict[str, dict[str, set[str]]] = {name: {} for name in existing}
    for name, labels in Scrape(client.url).samples:
        for label, value in labels:
            metrics[name].setdefault(label, set()).add(value)
            if label == "status_class":
                metrics[name][label].add(LEFT)
    for rule in (rule for group in GROUPS for rule in group["rules"] if "record" in rule):
        metrics[rule["record"]] = {label: set() for label in grouping(rule["expr"]) | rule.get("labels", {}).keys()}
    metrics["ALERTS"] = {label: set() for label in ("alertname", "alertstate", "severity", "model")}
    return metrics


@pytest.mark.parametrize("expression", expressions())
def test_every_label_that_is_asked_for_exists(labelled: dict[str, dict[str, set[str]]], expression: str) -> None:
    for metric, pairs in selectors(expression):
        assert {label for label, _, _ in pairs} <= labelled[metric].keys() | OF_THE_SCRAPE
        for label, operator, value in pairs:
            if operator == "=" and labelled[metric].get(label):
                assert value in labelled[metric][label]
    owned = set[str]().union(*(labelled.get(metric, {}) for metric in metrics_of(expression)))
    assert grouping(expression) <= owned | OF_THE_SCRAPE


@pytest.mark.parametrize("panel", list(panels()), ids=lambda panel: str(panel["title"]))
def test_every_label_of_a_legend_is_one_of_its_query(
    labelled: dict[str, dict[str, set[str]]], panel: dict[str, Any]
) -> None:
    for target in panel["targets"]:
        owned = set[str]().union(*(labelled.get(metric, {}) for metric in metrics_of(target["expr"])))
        aggregated = re.search(r"\b(?:sum|max|min|avg|count)\b", target["expr"])
        shown = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.get("legendFormat", "")))
        assert shown <= (grouping(target["expr"]) if aggregated else owned | OF_THE_SCRAPE)


def test_every_threshold_is_used_by_an_alert() -> None:
    alerts = " ".join(rule["expr"] for group in GROUPS for rule in group["rules"] if "alert" in rule)
    assert {name for name in RECORDED if ":threshold:" in name} == set(re.findall(r"emotion:threshold:\w+", alerts))


def test_panels_have_titles_units_and_places_of_their_own() -> None:
    places: set[tuple[int, int]] = set()
    for panel in panels():
        assert panel["title"], panel["id"]
        assert panel["description"], panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & places, panel["title"]
        assert place["x"] + place["w"] <= 24
        places |= cells
