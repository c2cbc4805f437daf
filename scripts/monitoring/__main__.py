"""``python -m scripts.monitoring``: make monitoring/slo_rules.yml from the objectives of monitoring/slo.yml."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import yaml

from scripts.console import new_app, run
from scripts.files import write_text
from scripts.monitoring.burn_rates import rule_groups
from scripts.monitoring.objectives import read_objectives
from scripts.settings import ROOT

OBJECTIVES = ROOT / "monitoring" / "slo.yml"
RULES = ROOT / "monitoring" / "slo_rules.yml"
_HEAD = "# Made from monitoring/slo.yml by `python -m scripts.monitoring`; change that.\n"

app = new_app("Make Prometheus's rules from the objectives of monitoring/slo.yml.", "python -m scripts.monitoring")


def rules_text() -> str:
    """What monitoring/slo_rules.yml must say."""
    rules = rule_groups(read_objectives(OBJECTIVES))
    return _HEAD + yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=1000)


@app.command()
def make() -> None:
    """Write monitoring/slo_rules.yml anew; Prometheus reads it at its next reload."""
    write_text(RULES, rules_text())


def main(argv: Sequence[str] | None = None) -> int:
    """Returns the exit code."""
    return run(app, "python -m scripts.monitoring", argv)


if __name__ == "__main__":
    sys.exit(main())
