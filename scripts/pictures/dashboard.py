"""Draw the Grafana dashboard without Grafana: its panels, with its own queries, from a running Prometheus.

``python -m scripts.pictures.dashboard`` writes docs/images/dashboard.png.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import matplotlib
import requests
import typer
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, PercentFormatter, StrMethodFormatter

from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.settings import ROOT

DASHBOARD = ROOT / "monitoring" / "grafana" / "emotion-service.json"
PICTURE = ROOT / "docs" / "images" / "dashboard.png"
GRID_COLUMNS = 24
FORMATS = {
    "s": EngFormatter("s"),
    "bytes": EngFormatter("B"),
    "percentunit": PercentFormatter(1),
    "percent": PercentFormatter(100),
    "reqps": StrMethodFormatter("{x:g} /s"),
}


class DashboardError(UserError):
    """The dashboard cannot be drawn; the message says why and what to do."""


class Prometheus:
    """Range queries over the last ``seconds`` of a Prometheus."""

    def __init__(self, url: str, seconds: int) -> None:
        self._url = url
        self._end = time.time()
        self._start = self._end - seconds
        self._step = max(seconds // 200, 1)

    def series(self, target: dict[str, str]) -> list[tuple[str, list[float], list[float]]]:
        """Legend, times (minutes, 0 is now) and values of each series of a panel's query."""
        expression = target["expr"].replace("$__rate_interval", "30s").replace("$instance", ".*")
        parameters = {"query": expression, "start": str(self._start), "end": str(self._end), "step": str(self._step)}
        answer = requests.get(f"{self._url}/api/v1/query_range", params=parameters, timeout=30)
        answer.raise_for_status()
        return [self._series(target["legendFormat"], result) for result in answer.json()["data"]["result"]]

    def _series(self, legend: str, result: dict[str, Any]) -> tuple[str, list[float], list[float]]:
        for label, value in result["metric"].items():
            legend = legend.replace(f"{{{{{label}}}}}", value)
        times, values = zip(*result["values"], strict=True)
        return legend, [(when - self._end) / 60 for when in times], [float(value) for value in values]


def draw(prometheus: Prometheus, output: Path) -> None:
    """Draw every panel at its place in the grid."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    figure = plt.figure(figsize=(18, rows * 0.36))
    for panel in panels:
        axes = figure.add_axes(_rectangle(panel["gridPos"], rows))
        _PANELS[panel["type"]](axes, panel, prometheus)
    figure.savefig(output, dpi=64)


def _rectangle(place: dict[str, int], rows: int) -> tuple[float, float, float, float]:
    """Left, bottom, width and height in parts of the figure; a cell is left free for titles and numbers."""
    left, top, bottom = place["x"] + 0.9, place["y"] + min(1.0, place["h"] / 4), place["y"] + place["h"] - 0.9
    bottom = max(bottom, top + 0.5)
    return left / GRID_COLUMNS, 1 - bottom / rows, (place["w"] - 1.3) / GRID_COLUMNS, (bottom - top) / rows


def _row(axes: Axes, panel: dict[str, Any], prometheus: Prometheus) -> None:
    axes.axis("off")
    axes.text(-0.02, 0, panel["title"], fontsize=13, fontweight="bold", transform=axes.transAxes)


def _stat(axes: Axes, panel: dict[str, Any], prometheus: Prometheus) -> None:
    axes.axis("off")
    axes.set_title(panel["title"], fontsize=10)
    found = [series for target in panel["targets"] for series in prometheus.series(target)]
    words = [legend if legend[:1].isdigit() else f"{values[-1]:g}" for legend, _, values in found]
    axes.text(0.5, 0.35, " / ".join(words) or "no data", fontsize=20, ha="center", transform=axes.transAxes)


def _timeseries(axes: Axes, panel: dict[str, Any], prometheus: Prometheus) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    found = [series for target in panel["targets"] for series in prometheus.series(target)]
    for legend, times, values in found:
        (line,) = axes.plot(times, values, label=legend, linewidth=1.3)
        if legend == "alert":
            line.set(linestyle="--", color="firebrick")
    axes.set_title(panel["title"], fontsize=10)
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=7)
    axes.xaxis.set_major_formatter(EngFormatter("min"))
    if defaults["unit"] in FORMATS:
        axes.yaxis.set_major_formatter(FORMATS[defaults["unit"]])
    if found:
        axes.legend(fontsize=6, loc="upper left")


_PANELS: dict[str, Callable[[Axes, dict[str, Any], Prometheus], None]] = {
    "row": _row,
    "stat": _stat,
    "timeseries": _timeseries,
}


app = new_app("Draw the Grafana dashboard from a Prometheus.")


@app.command()
def dashboard(
    prometheus: Annotated[str, typer.Option(metavar="URL", help="Where the Prometheus is.")] = "http://localhost:9090",
    minutes: Annotated[int, typer.Option(min=1, help="How far back.")] = 60,
    output: Annotated[Path, typer.Option(help="The picture.")] = PICTURE,
) -> int:
    """Draw what a Prometheus has recorded in the last minutes."""
    matplotlib.use("Agg")
    try:
        draw(Prometheus(prometheus, minutes * 60), output)
    except requests.RequestException as error:
        raise DashboardError(f"{prometheus} does not answer: {error}; start a Prometheus or name another") from error
    print(output)
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Draw; returns the exit code."""
    return run(app, "python -m scripts.pictures.dashboard", argv)


if __name__ == "__main__":
    sys.exit(main())
