"""What a build says at its end."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.archives.changes import Result
from scripts.precision import EXACT
from scripts.settings import Settings

_COLOURS = {"built": "green", "unchanged": "dim", "failed": "red", "refused": "red"}
_TOLD_LATER = ("failed", "unchanged")


def show(settings: Settings, results: dict[str, Result], console: Console, starting: bool) -> None:
    """Print the closing table, and say loudly which models are stand-ins.

    ``starting``: a table of the models follows, which says of each why it is not served, and that it is a stand-in.
    """
    store_name, results_name = settings.model_store.name, settings.results_dir.name
    if all(result.outcome == "unchanged" for result in results.values()):
        console.print(f"The archives in {store_name}/ are up to date ({len(results)} of {len(results)}).")
    elif shown := [result for result in results.values() if not starting or result.outcome not in _TOLD_LATER]:
        table = Table("model", "archive", "reason", title=f"Archives in {store_name}/", title_justify="left")
        for result in shown:
            seconds = f" in {result.seconds:.0f} s" if result.outcome == "built" else ""
            bits = "" if result.precision == EXACT else f", {result.precision}"
            outcome = f"[{_COLOURS[result.outcome]}]{result.outcome}{seconds}{bits}[/]"
            table.add_row(result.name, outcome, escape(result.reason))
        console.print(table)
    for result in results.values():
        if result.lines:
            console.print(f"{result.name} in {result.precision}:", markup=False)
            for line in result.lines:
                console.print(f"  {line}", markup=False, soft_wrap=True)
    stand_ins = [result.name for result in results.values() if result.stand_in]
    if stand_ins and not starting:
        which = "All models" if len(stand_ins) == len(results) else ", ".join(stand_ins)
        console.print(
            f"[bold yellow]Stand-ins, which know drawn faces only: {escape(which)}.[/]\n"
            "Their answers about photographs mean nothing. "
            f"Put your own checkpoints into {results_name}/ and run this again (docs/checkpoints.md)."
        )
