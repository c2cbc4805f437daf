"""What a build prints at its end, alone and at a start."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from scripts.archives.changes import Result
from scripts.archives.report import show
from scripts.settings import load_settings

RESULTS = (
    Result("New", "built", "new", 3.0, stand_in=True),
    Result("Old", "unchanged", stand_in=True),
    Result("Bad", "failed", "Bad_best.pt is missing; copy it into results/ and run `make archives`"),
)


def printed(*results: Result, starting: bool) -> str:
    output = io.StringIO()
    console = Console(file=output, width=80)
    show(load_settings({}), {result.name: result for result in results}, console, starting)
    return output.getvalue()


def test_a_build_tells_of_every_model_and_fits_80_columns() -> None:
    text = printed(*RESULTS, starting=False)
    assert all(result.name in text for result in RESULTS)
    assert "Stand-ins, which know drawn faces only: New, Old." in text
    assert max(map(len, text.splitlines()[:-2])) <= 80  # the last two are a sentence


@pytest.mark.parametrize(("results", "told"), [(RESULTS, ["New"]), (RESULTS[1:], [])])
def test_at_a_start_only_what_was_built_is_told(results: tuple[Result, ...], told: list[str]) -> None:
    """The table of the models, which follows, has the rest."""
    text = printed(*results, starting=True)
    assert [result.name for result in results if result.name in text] == told
    assert "Stand-in" not in text
