"""The options of ``scripts/evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.client.models import complete_model

Data = Annotated[Path, typer.Argument(help="Folder of pictures, as DATA/LABEL/*.jpg; for --all also DATA/DATASET/….")]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", autocompletion=complete_model, help="The model to evaluate.")
]
Every = Annotated[bool, typer.Option("--all", help="Evaluate all models, each on its dataset.")]
Against = Annotated[
    str | None,
    typer.Option(metavar="NAME[:VERSION]", help="Compare with another model, or a version evaluated before."),
]
Margin = Annotated[
    float, typer.Option(min=0, help="Points that the accuracy may be below that of models.json; else exit code 1.")
]
Training = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        exists=True,
        file_okay=False,
        help="Training pictures, to look for the same persons and pictures (default: train beside DATA).",
    ),
]
Groups = Annotated[
    Path | None,
    typer.Option(metavar="FILE", exists=True, dir_okay=False, help="CSV with file and columns like age,gender,skin."),
]
Keep = Annotated[
    bool, typer.Option("--keep", help="Keep the figures in the model store; GET /api/v1/models shows them.")
]
FitTemperature = Annotated[
    bool, typer.Option("--fit-temperature", help="Find the temperature that makes the model as sure as it is right.")
]
FitMargin = Annotated[
    bool, typer.Option("--fit-margin", help="Find the margin around a face that suits the model, for /api/v1/faces.")
]
Write = Annotated[
    bool,
    typer.Option("--write", help="Write what was fitted into models.json, if it helps; the next build has it."),
]
FitWeights = Annotated[
    bool, typer.Option("--fit-weights", help="Find the weights of an ensemble that suit these held-out pictures.")
]
Clients = Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Requests at a time.")]
Output = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="For reports and answers (default: RUN_DIR/evaluation).")
]
