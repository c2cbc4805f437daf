"""The project's version, from the only place that has it."""

from __future__ import annotations

import re

from scripts.settings import ROOT


def project_version() -> str:
    """The version in pyproject.toml."""
    found = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)
    assert found
    return found[1]
