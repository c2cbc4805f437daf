"""``scripts/evaluate``: what a model is worth on labelled pictures, measured through the running service."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence

import typer
from rich.console import Console

from scripts.catalogue import load_catalogue
from scripts.client.options import Authority, Key, Url, own_address
from scripts.client.service import Service
from scripts.console import examples, interruption_says, new_app, print_error, run
from scripts.errors import REFUSED
from scripts.evaluation import command_options as option
from scripts.running import running_settings

app = new_app("What a model is worth on labelled pictures, measured through the running service.", completion=True)


@app.command(
    epilog=examples(
        "scripts/evaluate FER2013/test --model ResNet50_FER2013",
        "scripts/evaluate CK+48 --model VGG19_CK+48 --against MobileNetV2_CK+48",
        "scripts/evaluate FER2013/test --model ResNet50_FER2013 --against ResNet50_FER2013:1.0",
        "scripts/evaluate FER2013/validation --model Three_FER2013 --fit-weights",
        "scripts/evaluate datasets --all",
        "scripts/evaluate FER2013/validation --model ResNet50_FER2013 --fit-temperature --write",
        "scripts/evaluate photographs --model ResNet50_FER2013 --fit-margin --write",
    )
)
def evaluate(
    data: option.Data,
    model: option.Model = None,
    every: option.Every = False,
    against: option.Against = None,
    margin: option.Margin = 2.0,
    training: option.Training = None,
    groups: option.Groups = None,
    keep: option.Keep = False,
    fit_temperature: option.FitTemperature = False,
    fit_margin: option.FitMargin = False,
    write: option.Write = False,
    fit_weights: option.FitWeights = False,
    clients: option.Clients = 8,
    output: option.Output = None,
    url: Url = None,
    ca: Authority = None,
    key: Key = None,
) -> int:
    """Evaluate a model on labelled pictures; exit code 1 when it falls short of the accuracy in models.json."""
    _refuse_contradictions(model, every, against, fit_temperature or fit_margin, write, fit_weights)
    if importlib.util.find_spec("sklearn") is None:
        print_error("scikit-learn is missing; install it with: .venv/bin/pip install -r requirements/evaluate.txt")
        return REFUSED
    from scripts.evaluation.evaluate import Evaluator, Options  # imports scikit-learn and SciPy: two seconds
    from scripts.evaluation.reports import Reports

    settings = running_settings()
    evaluator = Evaluator(
        lambda: Service(url or own_address(settings), ca, key, here=url is None),
        output or settings.run_dir / "evaluation",
        Options(clients, margin, training, groups, against, fit_temperature, fit_weights, fit_margin),
        Console(highlight=False),
    )
    catalogue = load_catalogue(settings.catalogue)
    reports = Reports(evaluator, catalogue, settings if keep else None, settings.catalogue if write else None)
    with interruption_says("Interrupted; the answers are kept, and the same command goes on."):
        return reports.one(model, data) if model else reports.every(data)


def _refuse_contradictions(
    model: str | None, every: bool, against: str | None, fits: bool, write: bool, fit_weights: bool
) -> None:
    """Raise BadParameter for options that do not go together."""
    if bool(model) == every:
        raise typer.BadParameter("give --model or --all")
    if every and against:
        raise typer.BadParameter("--against goes with --model")
    if write and not fits:
        raise typer.BadParameter("--write goes with --fit-temperature or --fit-margin")
    if every and fit_weights:
        raise typer.BadParameter("--fit-weights goes with --model")


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate; returns the exit code."""
    return run(app, "scripts/evaluate", argv)


if __name__ == "__main__":
    sys.exit(main())
