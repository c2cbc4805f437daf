"""``scripts/predict``: ask the running service about pictures and draw the answers."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.client import printing
from scripts.client.boxes import write_boxes
from scripts.client.models import Models
from scripts.client.options import Authority, Key, Url, own_address
from scripts.client.outcomes import Ask, ask_all, exit_code, summary
from scripts.client.pictures import STANDARD_INPUT, Picture, pictures
from scripts.client.service import Answer, Service
from scripts.console import examples, new_app, print_notice, run
from scripts.running import running_settings

app = new_app("Ask the running service about pictures and draw the answers.", completion=True)

Pictures = Annotated[
    list[str], typer.Argument(metavar="IMAGE", help="Picture files, folders, patterns, or - for standard input.")
]


@app.command(
    epilog=examples(
        "scripts/predict face.jpg",
        "scripts/predict face.jpg -m VGG19_CK+48",
        "scripts/predict photos/ --csv > answers.csv",
        "scripts/predict 'photos/**/*.png' --json | jq -r .top_emotion",
        "curl -s https://example.org/face.jpg | scripts/predict - --all",
        "scripts/predict party.jpg --faces",
    )
)
def predict(
    image: Pictures,
    model: Models = None,
    every: Annotated[bool, typer.Option("--all", help="Ask every model of the catalogue.")] = False,
    faces: Annotated[
        bool, typer.Option("--faces", help="Find the faces; also write IMAGE-MODEL-faces.png, with their boxes.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object for each answer or failure.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print one row of CSV for each answer or failure.")] = False,
    at_once: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="Requests under way at a time.")] = 4,
    url: Url = None,
    ca: Authority = None,
    key: Key = None,
) -> int:
    """Ask the running service about pictures and draw the answers.

    One picture gets a bar for each label, several get a line each, --all a table of the models.

    \b
    exit code, that of the worst failure:
      0  every picture was answered
      1  a picture cannot be read, or is refused
      3  a model does not answer, or is too busy
      4  the service does not run
    """
    _refuse_both("--all", every, "--model", model)
    _refuse_both("--json", as_json, "--csv", as_csv)
    found = pictures(image)
    service = Service(url or own_address(running_settings()), ca, key, here=url is None)
    catalogue = service.models()
    names = list(catalogue) if every else model or first_served(catalogue)
    _tell_of_stand_ins(catalogue, names)
    started = time.monotonic()
    asked = ask_all(_ask(service, faces), found, names, at_once)
    printer = _printer(as_json, as_csv, every and not faces, len(found))
    outcomes = list(printer(asked, {name: catalogue.get(name, {"emotions": ()}) for name in names}))
    if len(found) > 1:
        print_notice(summary(outcomes, time.monotonic() - started))
    return exit_code(outcomes)


def first_served(catalogue: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The first model that can be served, else the first, whose answer then says what it lacks."""
    return ([name for name, entry in catalogue.items() if "error" not in entry] or list(catalogue))[:1]


def _refuse_both(first: str, is_first: object, second: str, is_second: object) -> None:
    if is_first and is_second:
        raise typer.BadParameter(f"give {first} or {second}, not both")


def _tell_of_stand_ins(catalogue: Mapping[str, Mapping[str, Any]], names: Iterable[str]) -> None:
    if any(catalogue.get(name, {}).get("stand_in") for name in names):
        print_notice(
            "Stand-in models answer here: they know drawn faces only, so their answers about photographs mean nothing."
        )


def _printer(as_json: bool, as_csv: bool, every: bool, count: int) -> printing.Printer:
    if as_json:
        return printing.as_json
    if as_csv:
        return printing.as_csv
    if every:
        return printing.table
    return printing.bars if count == 1 else printing.lines


def _ask(service: Service, faces: bool) -> Ask:
    def whole(picture: Picture, model: str) -> list[Answer]:
        return [service.ask(picture.name, picture.data, model)]

    def each_face(picture: Picture, model: str) -> list[Answer]:
        found = service.faces(picture.name, picture.data, model)
        if found:
            path = Path("stdin" if picture.name == STANDARD_INPUT else picture.name)
            print_notice(f"Boxes: {write_boxes(path, picture.data, found, model)}")
        else:
            print_notice(f"{picture.name}: no face is found; without --faces, the whole picture is judged.")
        return found

    return each_face if faces else whole


def main(argv: Sequence[str] | None = None) -> int:
    """Ask and draw; returns the exit code."""
    return run(app, "scripts/predict", argv)


if __name__ == "__main__":
    sys.exit(main())
