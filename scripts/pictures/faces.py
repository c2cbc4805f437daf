"""Write a labelled set of drawn faces: ``python -m scripts.pictures.faces --out FOLDER``.

The stand-ins know these faces (``checkpoints.fitting``), so whatever needs pictures with known labels can be tried
with them. The same seed makes the same files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scripts.catalogue import load_catalogue
from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.files import cannot_write
from scripts.pictures.drawing import EXPRESSIONS, expression_of
from scripts.pictures.people import drawn_face
from scripts.settings import load_settings

TRAINING_SEED = 1  # what the stand-ins were fitted to; any other seed is held out
HELD_OUT_SEED = 2


class FacesError(UserError):
    """The faces cannot be drawn; the message names the value and what to do."""


def write_faces(folder: Path, labels: tuple[str, ...], images: int, seed: int) -> list[Path]:
    """Write ``images`` faces to ``folder/{label}/``, the labels in turn, and return their files.

    Raises FacesError for a label that is no drawn expression, and OSError.
    """
    expressions = {label: expression_of(label) for label in labels}
    files = []
    for index in range(images):
        label = labels[index % len(labels)]
        expression = expressions[label]
        if expression is None:
            raise FacesError(f"the label {label!r} is none of the drawn expressions ({', '.join(EXPRESSIONS)})")
        file = folder / label / f"{seed}-{index:05}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawn_face(expression, seed, index).save(file, compress_level=1)
        files.append(file)
    return files


app = new_app("Write a labelled set of drawn faces.")


@app.command()
def faces(
    out: Annotated[Path, typer.Option(help="The folder that gets a folder for each label.")],
    images: Annotated[int, typer.Option(min=1, help="How many in all; the labels take turns.")] = 700,
    seed: Annotated[int, typer.Option(min=0, help="Other seeds, other faces; the stand-ins know those of 1.")] = (
        HELD_OUT_SEED
    ),
    dataset: Annotated[str, typer.Option(help="Whose labels: a dataset of models.json.")] = "FER2013",
) -> int:
    """Write drawn faces to OUT/LABEL/SEED-NUMBER.png; nothing else in the folder is touched."""
    datasets = {model.dataset: model.emotions for model in load_catalogue(load_settings().catalogue).values()}
    if dataset not in datasets:
        raise FacesError(f"models.json has no dataset {dataset!r}; use one of {', '.join(datasets)}")
    try:
        files = write_faces(out, datasets[dataset], images, seed)
    except OSError as error:
        raise FacesError(cannot_write(error, out)) from error
    print(f"{len(files)} faces in {out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.pictures.faces"))
