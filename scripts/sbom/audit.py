"""``python -m scripts.sbom.audit``: known vulnerabilities of what is installed, by pip-audit and PyPI's advisories.

A finding that cannot be mended stands in requirements/audit.yaml with its reason; any other is an error. Packages that
PyPI does not answer about were not checked, which is said.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from scripts.console import while_read
from scripts.errors import REFUSED
from scripts.settings import ROOT

EXPLAINED_FILE = ROOT / "requirements" / "audit.yaml"
_SECONDS = 600


def explained() -> dict[str, str]:
    """The reason for each finding that is known and stays, by its identifier."""
    entries = yaml.safe_load(EXPLAINED_FILE.read_text(encoding="utf-8")) or []
    return {str(entry["id"]): str(entry["reason"]) for entry in entries}


def report(dependencies: Sequence[Mapping[str, Any]], reasons: Mapping[str, str]) -> tuple[list[str], bool]:
    """What to say of pip-audit's findings, line by line, and whether one of them has no reason."""
    lines, unexplained = [], False
    for dependency in dependencies:
        for finding in dependency.get("vulns", []):
            names = [finding["id"], *finding.get("aliases", [])]
            reason = next((reasons[name] for name in names if name in reasons), None)
            unexplained |= reason is None
            mended = ", ".join(finding.get("fix_versions", [])) or "no version"
            what = f"{dependency['name']} {dependency['version']}: {', '.join(names)}, mended in {mended}"
            lines.append(f"{what}; stays: {reason}" if reason else f"{what}; move on, or explain it in {_place()}")
    skipped = [str(dependency["name"]) for dependency in dependencies if "skip_reason" in dependency]
    checked = len(dependencies) - len(skipped)
    if not checked:
        why = "PyPI's advisories cannot be reached, or know none of these versions"
        lines.append(f"Known vulnerabilities: NOT CHECKED, not one of {len(skipped)} packages ({why}).")
    elif skipped:
        lines.append(f"Known vulnerabilities: {checked} packages checked, NOT CHECKED: {', '.join(skipped)}.")
    else:
        lines.append(f"Known vulnerabilities: {checked} packages checked.")
    return lines, unexplained


def main() -> int:
    """Audit the packages beside this Python; returns 1 if a finding has no reason, else 0."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", "pypi", "--format", "json"]
    quiet = ["--progress-spinner", "off", "--timeout", "15", "--cache-dir", str(ROOT / ".run" / "pip-audit")]
    try:
        made = subprocess.run([*command, *quiet], capture_output=True, text=True, check=False, timeout=_SECONDS)
        dependencies = json.loads(made.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"Known vulnerabilities: NOT CHECKED (no answer in {_SECONDS} s).")
        return 0
    except (ValueError, KeyError, TypeError):
        last = (made.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"Known vulnerabilities: NOT CHECKED ({last:.200}).")
        return 0
    lines, unexplained = report(dependencies, explained())
    print("\n".join(lines))
    return REFUSED if unexplained else 0


def _place() -> str:
    return str(EXPLAINED_FILE.relative_to(ROOT))


if __name__ == "__main__":
    sys.exit(while_read(main))
