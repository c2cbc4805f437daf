"""``scripts/predict``: ask the running service about pictures and draw the answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.text import Text

from scripts.client.bars import draw
from scripts.client.boxes import write_boxes
from scripts.client.options import Authority, Key, Url, own_address
from scripts.client.service import Answer, PredictError, Service, read_image
from scripts.console import examples, new_app, print_error, print_notice, run
from scripts.running import running_settings

app = new_app("Ask the running service about pictures and draw the answers.", completion=True)


@app.command(
    epilog=examples(
        "scripts/predict face.jpg",
        "scripts/predict face.jpg other.png --model VGG19_CK+48",
        "scripts/predict face.jpg --all --json | jq .top_emotion",
        "scripts/predict party.jpg --faces",
    )
)
def predict(
    image: Annotated[list[Path], typer.Argument(help="Picture files: JPEG, PNG, WebP, BMP or GIF.")],
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A model; repeat for several (default: the first)."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Ask every model of the catalogue.")] = False,
    faces: Annotated[
        bool, typer.Option("--faces", help="Find the faces; also write IMAGE-MODEL-faces.png, with their boxes.")
    ] = False,
    url: Url = None,
    ca: Authority = None,
    key: Key = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each answer instead of bars.")
    ] = False,
) -> int:
    """Ask the running service about pictures and draw the answers; exit code 1 when some picture got none."""
    if every and model:
        raise typer.BadParameter("give --all or --model, not both")
    service = Service(url or own_address(running_settings()), ca, key, here=url is None)
    catalogue = service.models()
    names = list(catalogue) if every else model or list(catalogue)[:1]
    if any(catalogue.get(name, {}).get("stand_in") for name in names):
        print_notice(
            "Stand-in models answer here: they know drawn faces only, so their answers about photographs mean nothing."
        )
    failures = [_show(service, path, names, as_json, faces) for path in image]
    return 1 if any(failures) else 0


def _show(service: Service, image: Path, models: list[str], as_json: bool, faces: bool) -> int:
    """Show the answers on one picture; returns the number of models that gave none."""
    out = Console(highlight=False)
    panels: list[RenderableType] = []
    answered = 0
    for answers in _answers(service, image, models, faces):
        answered += 1
        for answer in answers:
            if as_json:
                print(json.dumps({"image": answer.image, **answer.body}, ensure_ascii=False))
            else:
                panels.append(draw(answer))
    if panels:
        out.print(Text(str(image), "bold"))
        out.print(Columns(panels))
    return len(models) - answered


def _answers(service: Service, image: Path, models: list[str], faces: bool) -> Iterator[list[Answer]]:
    """What each model says of the picture, or of each of its faces."""
    for model in models:
        try:
            yield _faces(service, image, model) if faces else [service.predict(image, model)]
        except PredictError as error:
            print_error(error)


def _faces(service: Service, image: Path, model: str) -> list[Answer]:
    data = read_image(image)
    found = service.faces(str(image), data, model)
    if found:
        print_notice(f"Boxes: {write_boxes(image, data, found, model)}")
    else:
        print_notice(f"{image}: no face is found; without --faces, the whole picture is judged.")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Ask and draw; returns the exit code."""
    return run(app, "scripts/predict", argv)


if __name__ == "__main__":
    sys.exit(main())
