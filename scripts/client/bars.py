"""One model's answer on one picture, drawn in the terminal."""

from __future__ import annotations

from rich.bar import Bar
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.client.service import Answer
from scripts.client.words import colour, percent

BAR_WIDTH = 30


def draw(answer: Answer) -> Panel:
    """A panel with the top emotion and one bar for each label."""
    top, confidence = next(iter(answer.probabilities.items()))
    bars = Table.grid(padding=(0, 1))
    bars.add_column()
    bars.add_column(width=BAR_WIDTH)
    bars.add_column(justify="right")
    for label, probability in answer.probabilities.items():
        style = "bold" if label == top else "dim"
        bar = Bar(1, 0, probability, width=BAR_WIDTH, color=colour(label))
        bars.add_row(Text(label, style), bar, Text(percent(probability), style))
    title = Text.assemble((top, f"bold {colour(top)}"), f" {percent(confidence)}")
    return Panel(
        bars, title=answer.model, title_align="left", subtitle=title + f" in {answer.milliseconds:.0f} ms", expand=False
    )
