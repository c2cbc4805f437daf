"""What is said of known vulnerabilities: nothing passes for checked that was not."""

from __future__ import annotations

import json
import subprocess

import pytest

from scripts.sbom import audit

SKIPPED = {"name": "numpy", "skip_reason": "Dependency not found on PyPI"}
CLEAN = {"name": "rich", "version": "15.0.0", "vulns": []}
FOUND = {
    "name": "pillow",
    "version": "12.2.0",
    "vulns": [{"id": "PYSEC-2026-1", "aliases": ["CVE-2026-1"], "fix_versions": ["12.3.0"]}],
}
MOVE_ON = "pillow 12.2.0: PYSEC-2026-1, CVE-2026-1, mended in 12.3.0"


def test_a_finding_without_a_reason_is_an_error() -> None:
    assert audit.report([FOUND, CLEAN], {}) == (
        [f"{MOVE_ON}; move on, or explain it in requirements/audit.yaml", "Known vulnerabilities: 2 packages checked."],
        True,
    )


def test_a_reason_may_name_either_identifier() -> None:
    for name in ("PYSEC-2026-1", "CVE-2026-1"):
        lines, unexplained = audit.report([FOUND], {name: "never read"})
        assert (lines[0], unexplained) == (f"{MOVE_ON}; stays: never read", False)


def test_what_was_not_checked_is_named() -> None:
    assert audit.report([CLEAN, SKIPPED], {}) == (
        ["Known vulnerabilities: 1 packages checked, NOT CHECKED: numpy."],
        False,
    )
    (line,), unexplained = audit.report([SKIPPED], {})
    assert (line.startswith("Known vulnerabilities: NOT CHECKED, not one of 1 packages"), unexplained) == (True, False)


@pytest.mark.parametrize(
    ("output", "code", "told"),
    [
        ("", 0, "Known vulnerabilities: NOT CHECKED (no route).\n"),
        (json.dumps({"dependencies": [CLEAN]}), 0, "Known vulnerabilities: 1 packages checked.\n"),
        (json.dumps({"dependencies": [FOUND]}), 1, f"{MOVE_ON}; move on"),
    ],
)
def test_the_command_fails_only_for_a_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], output: str, code: int, told: str
) -> None:
    made = subprocess.CompletedProcess([], 1, output, "error\nno route\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: made)
    assert audit.main() == code
    assert told in capsys.readouterr().out


def test_every_explained_finding_has_a_reason() -> None:
    assert all(audit.explained().values())
