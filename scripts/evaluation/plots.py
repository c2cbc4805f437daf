"""The figures as pictures: SVG whose letters are paths, so that it looks the same everywhere."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

_BLUE, _GREY, _ORANGE = "#1a5fb4", "#9aa0a6", "#c64600"


def draw_all(result: dict[str, Any], cache: Path) -> dict[str, str]:
    """The pictures of an evaluation as SVG, by name. ``cache`` is matplotlib's folder."""
    os.environ.setdefault("MPLCONFIGDIR", str(cache))
    import matplotlib as mpl  # reads MPLCONFIGDIR when it is imported

    mpl.use("svg")
    with mpl.rc_context({"svg.hashsalt": "evaluation", "font.size": 9}):
        return {
            "confusion": _confusion(result["confusion"]["labels"], np.array(result["confusion"]["counts"])),
            "reliability": _reliability(result["calibration"]["bins"], result["pictures"]["answered"]),
            "recall": _recall(result["classes"]),
        }


def _confusion(labels: Sequence[str], counts: Any) -> str:
    """Counts by true (rows) and predicted label, coloured by the share of the row."""
    from matplotlib import pyplot

    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure, panel = pyplot.subplots(figsize=(6.2, 5.4))
    panel.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count}\n{share:.0%}" if count else "0"
        panel.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if share > 0.55 else "black")
    panel.set_xticks(range(len(labels)), labels, rotation=35, ha="right")
    panel.set_yticks(range(len(labels)), labels)
    panel.set_xlabel("predicted")
    panel.set_ylabel("label of the data")
    return _svg(figure)


def _reliability(bins: Sequence[dict[str, Any]], pictures: int) -> str:
    """Accuracy over confidence; the size of a point is the share of the pictures."""
    from matplotlib import pyplot

    figure, panel = pyplot.subplots(figsize=(4.6, 4.2))
    panel.plot([0, 1], [0, 1], color=_GREY, linewidth=1, linestyle="--", label="as sure as right")
    confidence = [one["confidence"] for one in bins]
    accuracy = [one["accuracy"] for one in bins]
    sizes = [20 + 400 * one["pictures"] / pictures for one in bins]
    panel.plot(confidence, accuracy, color=_BLUE, linewidth=1)
    panel.scatter(confidence, accuracy, s=sizes, color=_BLUE, alpha=0.75, label="pictures, by their number")
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    panel.set_xlabel("confidence")
    panel.set_ylabel("accuracy")
    panel.legend(frameon=False, loc="upper left", markerscale=0.5)
    return _svg(figure)


def _recall(classes: Sequence[dict[str, Any]]) -> str:
    """Recall of each label that the data have, with its interval."""
    from matplotlib import pyplot

    known = [one for one in classes if one["recall"]][::-1]
    figure, panel = pyplot.subplots(figsize=(4.6, 0.42 * len(known) + 0.9))
    for place, one in enumerate(known):
        recall = one["recall"]
        panel.plot([recall["low"], recall["high"]], [place, place], color=_BLUE, linewidth=2)
        panel.plot(recall["value"], place, "o", color=_BLUE if recall["value"] else _ORANGE)
    panel.set_yticks(range(len(known)), [one["label"] for one in known])
    panel.set_xlim(-0.02, 1.02)
    panel.set_xlabel("recall, with the interval of 95 %")
    panel.grid(axis="x", color="#dddddd")
    panel.spines[["top", "right"]].set_visible(False)
    return _svg(figure)


def _svg(figure: Any) -> str:
    from matplotlib import pyplot

    file = io.StringIO()
    figure.tight_layout()
    figure.savefig(file, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return file.getvalue()
