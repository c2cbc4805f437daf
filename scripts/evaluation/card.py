"""docs/model-card.md from ``models.json`` and the figures that were kept: ``python -m scripts.evaluation.card``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.catalogue import Model, load_catalogue
from scripts.console import new_app, run
from scripts.evaluation.keeping import read_kept
from scripts.evaluation.wording import counted, estimate, percent
from scripts.files import write_text
from scripts.settings import ROOT, load_settings

PAGE = ROOT / "docs" / "model-card.md"
_TEMPLATES = Path(__file__).parent / "templates"
_LOW = 0.5  # a recall to warn of

app = new_app("Make docs/model-card.md from models.json and the figures that scripts/evaluate --keep kept.")


def card(catalogue: Mapping[str, Model], kept: Mapping[str, dict[str, Any] | None]) -> str:
    """The page as Markdown; ``kept`` has for each model what an evaluation kept, or None."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=False,  # noqa: S701  Markdown of our own figures
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    rows = [_row(model, kept.get(model.name)) for model in catalogue.values()]
    labels = {model.dataset: ", ".join(model.emotions) for model in catalogue.values()}
    return environment.get_template("card.md.j2").render(rows=rows, labels=labels, weak=_weak(kept))


def _row(model: Model, kept: dict[str, Any] | None) -> dict[str, str]:
    claimed = "–" if model.accuracy is None else f"{model.accuracy:.2f} %"
    if kept is None:
        none = dict.fromkeys(("accuracy", "macro_f1", "mean_recall", "never"), "–")
        return {"name": model.name, "claimed": claimed, **none, "data": "not measured"}
    figures = kept["evaluation"]
    pictures = counted(kept["measured"]["pictures"], "picture")
    stand_in = ", a stand-in" if figures["model"]["stand_in"] else ""
    return {
        "name": model.name,
        "claimed": claimed,
        **{key: estimate(figures[key]) for key in ("accuracy", "macro_f1", "mean_recall")},
        "never": ", ".join(figures["never_predicted"]) or "none",
        "data": f"{pictures} of {figures['data']['name']}, {figures['made'][:10]}{stand_in}",
    }


def _weak(kept: Mapping[str, dict[str, Any] | None]) -> list[str]:
    """A line for each model with labels of which it misses more than half."""
    lines = []
    for name, one in kept.items():
        classes: Sequence[dict[str, Any]] = one["evaluation"]["classes"] if one else []
        missed = [(each["label"], each["recall"]["value"]) for each in classes if each["recall"]]
        low = [f"{label} ({percent(recall)})" for label, recall in missed if recall < _LOW]
        if low:
            lines.append(f"{name} finds less than half of the pictures of {', '.join(low)}.")
    return lines


@app.command()
def make(output: Annotated[Path, typer.Option(metavar="FILE", help="Where the page goes.")] = PAGE) -> int:
    """Make docs/model-card.md from models.json and the figures that scripts/evaluate --keep kept."""
    settings = load_settings()
    catalogue = load_catalogue(settings.catalogue)
    kept = {name: read_kept(settings.model_store, model) for name, model in catalogue.items()}
    write_text(output, card(catalogue, kept))
    return 0


if __name__ == "__main__":
    sys.exit(run(app, "python -m scripts.evaluation.card"))
