"""The list of changes by hand fits the tree, so that `make mutants` does not end at one that is no more."""

from __future__ import annotations

import shlex

import pytest

from scripts.settings import ROOT
from tests.mutants.edits import Edit, edits


@pytest.mark.parametrize("edit", edits(), ids=lambda edit: f"{edit.file}: {edit.old}")
def test_what_is_changed_stands_once_in_its_file(edit: Edit) -> None:
    assert edit.old != edit.new
    assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) == 1


@pytest.mark.parametrize("tests", sorted({edit.tests for edit in edits()}))
def test_what_must_notice_it_is_there(tests: str) -> None:
    files = [word.split("::")[0] for word in shlex.split(tests) if word.startswith(("tests/", "monitoring/"))]
    assert files
    assert [file for file in files if not (ROOT / file).exists()] == []
