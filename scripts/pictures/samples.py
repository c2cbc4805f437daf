"""Draw the page's sample faces: ``python -m scripts.pictures.samples`` writes ``proxy/pages/static/samples/``.

Beside that folder it writes ``strip.jpg``, all of them small and side by side: the page fetches one file to show seven.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageOps

from scripts.console import new_app, run
from scripts.pictures.drawing import EXPRESSIONS, Look, svg
from scripts.pictures.people import render
from scripts.settings import ROOT

FOLDER = ROOT / "proxy" / "pages" / "static" / "samples"

SAMPLES = {
    "anger": Look("#e9b08d", "#c9805f", "#3b2a22", "#d9cfc4", "short"),
    "disgust": Look("#f0c9a8", "#d59c78", "#8a5a2f", "#cfd6c6", "bob"),
    "fear": Look("#c98f68", "#a06a45", "#1f1a18", "#c9cfdc", "curly"),
    "happiness": Look("#8d5a3b", "#6a3f27", "#17110e", "#e9d9b4", "bun"),
    "neutral": Look("#f2d0b5", "#d8a684", "#5d4634", "#d6d8d4", "short"),
    "sadness": Look("#d9a27c", "#b3774f", "#2c211c", "#c3cfdb", "bob"),
    "surprise": Look("#eebd98", "#cf8f68", "#a4472b", "#c5dcd8", "curly"),
}

TILE = 96  # pixels; the page shows them at half of that


def strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Square pictures of TILE pixels side by side, each the middle of one of ``pictures``."""
    whole = Image.new("RGB", (TILE * len(pictures), TILE))
    for index, picture in enumerate(pictures):
        whole.paste(ImageOps.fit(picture, (TILE, TILE)), (TILE * index, 0))
    return whole


app = new_app("Draw the page's sample faces as JPEG files.")


@app.command()
def samples(folder: Annotated[Path, typer.Option(help="Where to write them.")] = FOLDER) -> int:
    """Write one JPEG for each face, and the strip of all."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: render(svg(EXPRESSIONS[name], look)) for name, look in SAMPLES.items()}
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.jpg", quality=85)
    strip(list(pictures.values())).save(folder.parent / "strip.jpg", quality=85)
    print(f"{len(SAMPLES)} drawings in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.pictures.samples"))
