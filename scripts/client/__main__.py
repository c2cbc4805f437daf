"""Ask the running service about pictures and draw the answers: ``scripts/predict IMAGE… [--model NAME] [--all]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from rich.bar import Bar
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from scripts.console import print_error
from scripts.errors import UserError
from scripts.settings import load_settings

PATIENCE = 60.0  # seconds a picture is sent again while the service says "not ready" or "too many requests"
TIMEOUT = 120.0  # seconds for one answer; a model that is loaded first may take the most of it
BAR_WIDTH = 30

# The datasets spell the same emotions differently; the colour follows the emotion.
COLOURS = {
    "ang": "red",
    "con": "magenta",
    "dis": "green",
    "fea": "bright_magenta",
    "hap": "yellow",
    "neu": "white",
    "sad": "blue",
    "sur": "cyan",
}


class PredictError(UserError):
    """A picture got no answer; the message says why and what to do."""


@dataclass(frozen=True)
class Answer:
    """One model's answer on one picture. ``probabilities`` are the contract's, the most probable first."""

    image: str
    model: str
    probabilities: dict[str, float]
    milliseconds: float
    body: dict[str, Any]


class Service:
    """The running service at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._session = requests.Session()

    def models(self) -> dict[str, dict[str, Any]]:
        """The catalogue's entries by name. Raises PredictError when the service does not answer."""
        models: dict[str, dict[str, Any]] = self._body(self._call("GET", "/api/v1/models"))["models"]
        return models

    def predict(self, image: Path, model: str) -> Answer:
        """Send one picture to one model, again while waiting helps. Raises PredictError."""
        try:
            data = image.read_bytes()
        except OSError as error:
            raise PredictError(f"{image}: cannot be read ({error.strerror}); check the name") from error
        start = time.perf_counter()
        response = self._patiently(image.name, data, model)
        milliseconds = (time.perf_counter() - start) * 1000
        body = self._body(response)
        if not response.ok:
            raise PredictError(f"{image}: {body.get('error', f'status {response.status_code}')}")
        return Answer(str(image), model, body["predictions"], milliseconds, body)

    def _patiently(self, name: str, data: bytes, model: str) -> requests.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            response = self._call("POST", "/api/v1/predict", files={"file": (name, data)}, data={"model": model})
            wait = float(response.headers.get("Retry-After", "inf"))
            if response.ok or time.monotonic() + wait > deadline:
                return response
            time.sleep(wait)

    def _call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        try:
            return self._session.request(method, self._url + path, timeout=TIMEOUT, **arguments)
        except requests.ConnectionError as error:
            raise PredictError(f"Nothing answers at {self._url}; start the service with 'make start'") from error
        except requests.Timeout as error:
            raise PredictError(f"{self._url} gave no answer within {TIMEOUT:.0f} s; see 'make status'") from error
        except requests.RequestException as error:
            raise PredictError(f"{self._url}: {error}; check --url") from error

    def _body(self, response: requests.Response) -> dict[str, Any]:
        try:
            body: dict[str, Any] = response.json()
        except requests.JSONDecodeError as error:
            raise PredictError(f"{self._url} is some other service; check --url and PORT") from error
        return body


def draw(answer: Answer) -> Panel:
    """A panel with the top emotion and one bar for each label."""
    top, confidence = next(iter(answer.probabilities.items()))
    bars = Table.grid(padding=(0, 1))
    bars.add_column()
    bars.add_column(width=BAR_WIDTH)
    bars.add_column(justify="right")
    for label, probability in answer.probabilities.items():
        style = "bold" if label == top else "dim"
        bar = Bar(1, 0, probability, width=BAR_WIDTH, color=_colour(label))
        bars.add_row(Text(label, style), bar, Text(f"{probability:.1%}", style))
    title = Text.assemble((top, f"bold {_colour(top)}"), f" {confidence:.0%}")
    return Panel(
        bars, title=answer.model, title_align="left", subtitle=title + f" in {answer.milliseconds:.0f} ms", expand=False
    )


def _colour(label: str) -> str:
    return COLOURS.get(label[:3].lower(), "white")


def main(argv: Sequence[str] | None = None) -> int:
    """Ask and draw; returns 0, or 1 when some picture got no answer."""
    arguments = _parser().parse_args(argv)
    err = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        service = Service(arguments.url or load_settings().url)
        catalogue = service.models()
    except UserError as error:
        print_error(error)
        return error.exit_code
    models = list(catalogue) if arguments.all else arguments.model or list(catalogue)[:1]
    if any(catalogue.get(name, {}).get("stand_in") for name in models):
        err.print("Stand-in models answer here: they are untrained, so their answers mean nothing.", style="yellow")
    failures = [_show(service, image, models, arguments.json, err) for image in arguments.image]
    return 1 if any(failures) else 0


def _show(service: Service, image: Path, models: list[str], as_json: bool, err: Console) -> int:
    """Show the answers on one picture; returns the number of models that gave none."""
    out = Console(highlight=False)
    panels: list[RenderableType] = []
    answered = 0
    for answer in _answers(service, image, models, err):
        answered += 1
        if as_json:
            print(json.dumps({"image": answer.image, **answer.body}, ensure_ascii=False))
        else:
            panels.append(draw(answer))
    if panels:
        out.print(Text(str(image), "bold"))
        out.print(Columns(panels))
    return len(models) - answered


def _answers(service: Service, image: Path, models: list[str], err: Console) -> Iterator[Answer]:
    for model in models:
        try:
            yield service.predict(image, model)
        except PredictError as error:
            err.print(str(error), style="red", markup=False)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/predict", description="Ask the running service about pictures and draw the answers."
    )
    parser.add_argument("image", nargs="+", type=Path, help="picture files: JPEG, PNG, WebP, BMP or GIF")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--model", action="append", metavar="NAME", help="a model; repeat for several (default: the first)"
    )
    which.add_argument("--all", action="store_true", help="ask every model of the catalogue")
    parser.add_argument("--url", help="where the service is (default: from BIND_ADDRESS and PORT)")
    parser.add_argument("--json", action="store_true", help="print one JSON object for each answer instead of bars")
    return parser


if __name__ == "__main__":
    sys.exit(main())
