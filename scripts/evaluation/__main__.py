"""``scripts/evaluate``: what a model is worth on labelled pictures, measured through the running service."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from scripts.catalogue import load_catalogue
from scripts.client.options import Authority, Key, Url, own_address
from scripts.client.service import Service
from scripts.console import examples, interruption_says, new_app, print_error, run
from scripts.errors import REFUSED
from scripts.running import running_settings

app = new_app("What a model is worth on labelled pictures, measured through the running service.", completion=True)


@app.command(
    epilog=examples(
        "scripts/evaluate FER2013/test --model ResNet50_FER2013",
        "scripts/evaluate CK+48 --model VGG19_CK+48 --against MobileNetV2_CK+48",
        "scripts/evaluate FER2013/test --model ResNet50_FER2013 --against ResNet50_FER2013:1.0",
        "scripts/evaluate datasets --all",
    )
)
def evaluate(
    data: Annotated[
        Path, typer.Argument(help="Folder of pictures, as DATA/LABEL/*.jpg; for --all also DATA/DATASET/….")
    ],
    model: Annotated[str | None, typer.Option(metavar="NAME", help="The model to evaluate.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Evaluate all models, each on its dataset.")] = False,
    against: Annotated[
        str | None,
        typer.Option(metavar="NAME[:VERSION]", help="Compare with another model, or a version evaluated before."),
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, help="Points that the accuracy may be below that of models.json; else exit code 1.")
    ] = 2.0,
    training: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Training pictures, to look for the same persons and pictures (default: train beside DATA).",
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", exists=True, dir_okay=False, help="CSV with file and columns such as age,gender,skin."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the figures in the model store; GET /api/v1/models shows them.")
    ] = False,
    clients: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Requests at a time.")] = 8,
    output: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="For reports and answers (default: RUN_DIR/evaluation).")
    ] = None,
    url: Url = None,
    ca: Authority = None,
    key: Key = None,
) -> int:
    """Evaluate a model on labelled pictures; exit code 1 when it falls short of the accuracy in models.json."""
    if bool(model) == every:
        raise typer.BadParameter("give --model or --all")
    if every and against:
        raise typer.BadParameter("--against goes with --model")
    if importlib.util.find_spec("sklearn") is None:
        print_error("scikit-learn is missing; install it with: .venv/bin/pip install -r requirements-evaluate.txt")
        return REFUSED
    from scripts.evaluation.evaluate import Evaluator, Options  # imports scikit-learn and SciPy: two seconds
    from scripts.evaluation.reports import Reports

    settings = running_settings()
    evaluator = Evaluator(
        lambda: Service(url or own_address(settings), ca, key, here=url is None),
        output or settings.run_dir / "evaluation",
        Options(clients, margin, training, groups, against),
        Console(highlight=False),
    )
    reports = Reports(evaluator, load_catalogue(settings.catalogue), settings if keep else None)
    with interruption_says("Interrupted; the answers are kept, and the same command goes on."):
        return reports.one(model, data) if model else reports.every(data)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate; returns the exit code."""
    return run(app, "scripts/evaluate", argv)


if __name__ == "__main__":
    sys.exit(main())
