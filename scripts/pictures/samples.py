"""Draw the page's sample faces: ``python -m scripts.pictures.samples`` writes ``proxy/pages/static/samples/``.

Beside that folder it writes ``strip.jpg``, all of them small and side by side: the page fetches one file to show seven;
and ``preview.jpg``, which others show beside a link to the page (https://ogp.me).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image, ImageDraw, ImageFont, ImageOps

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

PREVIEW, PAPER, INK = (1200, 630), "#f7f4ee", "#1d2422"
TILE = 96  # pixels; the page shows them at half of that


def strip(pictures: Sequence[Image.Image]) -> Image.Image:
    """Square pictures of TILE pixels side by side, each the middle of one of ``pictures``."""
    whole = Image.new("RGB", (TILE * len(pictures), TILE))
    for index, picture in enumerate(pictures):
        whole.paste(ImageOps.fit(picture, (TILE, TILE)), (TILE * index, 0))
    return whole


def preview(pictures: Sequence[Image.Image]) -> Image.Image:
    """The seven faces and a few words, in the size that https://ogp.me readers show whole."""
    whole = Image.new("RGB", PREVIEW, PAPER)
    wide, high = PREVIEW[0] // 4, PREVIEW[1] // 2
    for index, picture in enumerate(pictures):
        whole.paste(ImageOps.fit(picture, (wide, high)), (index % 4 * wide, index // 4 * high))
    middle = (3.5 * wide, 1.5 * high)
    words = "Show a face.\nSee what\neach network\nmakes of it."
    pencil, font = ImageDraw.Draw(whole), ImageFont.load_default(42)
    pencil.multiline_text(middle, words, INK, font, anchor="mm", align="center", spacing=14)
    return whole


app = new_app("Draw the page's sample faces as JPEG files.")


@app.command()
def samples(folder: Annotated[Path, typer.Option(help="Where to write them.")] = FOLDER) -> int:
    """Write one JPEG for each face, the strip of all, and the preview of the page."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {name: render(svg(EXPRESSIONS[name], look)) for name, look in SAMPLES.items()}
    for name, picture in pictures.items():
        picture.save(folder / f"{name}.jpg", quality=85)
    strip(list(pictures.values())).save(folder.parent / "strip.jpg", quality=85)
    preview(list(pictures.values())).save(folder.parent / "preview.jpg", quality=80)
    print(f"{len(SAMPLES)} drawings in {folder}")
    return 0


if __name__ == "__main__":
    raise SystemExit(run(app, "python -m scripts.pictures.samples"))
