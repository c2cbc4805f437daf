"""``python -m scripts.monitoring.operator``: the rules of monitoring/ as the Prometheus operator takes them."""

from __future__ import annotations

import sys

import yaml

from scripts.files import write_text
from scripts.settings import ROOT

SOURCES = (ROOT / "monitoring" / "rules.yml", ROOT / "monitoring" / "slo_rules.yml")
TARGET = ROOT / "deploy" / "kubernetes" / "components" / "metrics" / "rules.yaml"
_HEAD = "# Made from monitoring/ by `make kubernetes`; change that.\n"


def prometheus_rule() -> str:
    """A PrometheusRule with the groups of all sources."""
    groups = [group for path in SOURCES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "emotions"},
        "spec": {"groups": groups},
    }
    return _HEAD + yaml.safe_dump(rule, sort_keys=False, allow_unicode=True, width=1000)


def main() -> int:
    """Write it where the component looks for it; returns 0."""
    write_text(TARGET, prometheus_rule())
    return 0


if __name__ == "__main__":
    sys.exit(main())
