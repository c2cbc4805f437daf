"""What programs that are started get of the caller's environment."""

from __future__ import annotations

import re

import pytest

from scripts.child_environment import NAMES, PREFIXES, child_environment
from scripts.settings import ROOT
from tests.support.hostile import HOSTILE

CONFIGURATION = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def test_what_is_meant_for_other_programs_stays_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    before = child_environment()
    for name, value in {**HOSTILE, "PYTHONHOME": "/nowhere", "LC_NUMERIC": "tr_TR.UTF-8", "NGINX": "3;"}.items():
        monkeypatch.setenv(name, value)
    assert child_environment() == before


def test_what_computing_needs_gets_in_but_not_before_what_we_say(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PATH", "TZ"):
        monkeypatch.setenv(name, "1")
    given = child_environment(OMP_NUM_THREADS="2")
    assert [given[name] for name in ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS", "PATH", "TZ")] == ["1", "2", "1", "1"]
    assert given["LC_ALL"] == "C.UTF-8"


def test_the_list_is_the_documented_one() -> None:
    section = CONFIGURATION.partition("## Other variables")[2].partition("\n## ")[0]
    row = next(line for line in section.splitlines() if line.startswith("| Reaches"))
    told = set(re.findall(r"`(\w+)(?:…)?`", row))
    assert told == NAMES | set(PREFIXES) | {"JDK_JAVA_OPTIONS"}
