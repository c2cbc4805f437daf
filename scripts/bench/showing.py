"""The figures of the benchmark in the terminal and in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import rich.table
from rich.console import Console

from scripts.bench.page import conclusion, warning
from scripts.bench.plot import draw
from scripts.bench.tables import Table, all_tables
from scripts.settings import Settings


def show(result: dict[str, Any], output: Path, settings: Settings, console: Console) -> None:
    """Print a run's figures, and keep them and their plot at ``output``."""
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")
    for table in all_tables(result):
        console.print(as_rich(table))
    plot = output.with_suffix(".svg")
    draw(result, plot, settings.run_dir / "bench" / "matplotlib")
    if warning(result):
        console.print(warning(result), style="yellow")
    console.print(f"{conclusion(result)}\nFigures: {output}\nPlot: {plot}", soft_wrap=True)


def keep(result: dict[str, Any], tables: Sequence[Table], file: Path, console: Console) -> None:
    """Print some figures, and keep them in ``file``."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2) + "\n")
    for table in tables:
        console.print(as_rich(table))
    console.print(f"Figures: {file}", soft_wrap=True)


def say(console: Console, text: str) -> None:
    """Print what begins now."""
    console.print(f"{datetime.now():%H:%M:%S} {text}", markup=False, soft_wrap=True)


def as_rich(table: Table) -> rich.table.Table:
    """A table for the terminal."""
    shown = rich.table.Table(title=table.title, title_justify="left", box=None, pad_edge=False)
    for index, heading in enumerate(table.headings):
        shown.add_column(heading, justify="left" if index == 0 else "right", no_wrap=index == 0)
    for row in table.rows:
        shown.add_row(*(cell.replace("**", "") for cell in row))
    return shown
