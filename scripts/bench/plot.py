"""The figures of a run as a picture."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from scripts.precision import EXACT

_COLOURS = {"reference": "#9aa0a6", "peer": "#e8a33d", "stack": "#1a73e8", "pipeline": "#202124"}
_LABELS = {
    "reference": "the backend it replaces",
    "peer": "FastAPI with OpenVINO",
    "stack": "this stack",
    "pipeline": "pipeline alone",
}


def draw(result: dict[str, Any], path: Path, cache: Path) -> None:
    """Write an SVG: requests a second and p50 latency of each case with a frame. ``cache`` is matplotlib's."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache))
    import matplotlib as mpl  # reads MPLCONFIGDIR when it is imported

    mpl.use("svg")
    from matplotlib import pyplot

    cases = [case for case in result["cases"] if case["image"] == "frame" and case["precision"] == EXACT]
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9}):
        figure, panels = pyplot.subplots(1, 2, figsize=(10, 0.7 * len(cases) + 1.6), sharey=True)
        for panel, key, label in zip(panels, ("rate", "p50"), ("requests/s", "p50 latency, ms"), strict=True):
            _bars(panel, cases, key)
            panel.set_xlabel(label)
            panel.set_xscale("log")
        figure.legend(*panels[0].get_legend_handles_labels(), frameon=False, loc="upper center", ncols=len(_COLOURS))
        figure.tight_layout(rect=(0, 0, 1, 0.95))
        figure.savefig(path, metadata={"Date": None})
        pyplot.close(figure)


def _bars(panel: Any, cases: list[dict[str, Any]], key: str) -> None:
    for offset, server in zip((-0.3, -0.1, 0.1, 0.3), _COLOURS, strict=True):
        positions = [index + offset for index in range(len(cases))]
        values = [_value(case, server, key) for case in cases]
        bars = panel.barh(positions, values, height=0.19, color=_COLOURS[server], label=_LABELS[server])
        panel.bar_label(bars, fmt="%.1f", padding=2, fontsize=7)
    panel.set_yticks(range(len(cases)), [_title(case) for case in cases])
    panel.set_ylim(len(cases) - 0.5, -0.5)
    panel.margins(x=0.15)
    panel.spines[["top", "right"]].set_visible(False)


def _value(case: dict[str, Any], server: str, key: str) -> float:
    if server == "pipeline" and key == "p50":  # what each of so many clients would wait for it (Little's law)
        return float(case["clients"] * 1000 / case[server]["rate"])
    return float(case[server][key] or 0)


def _title(case: dict[str, Any]) -> str:
    return f"{case['title']}, {case['clients']} {'client' if case['clients'] == 1 else 'clients'}"
