"""The options of the benchmark's run, and which values they take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.bench.images import IMAGES
from scripts.catalogue import ARCHITECTURES
from scripts.precision import EXACT, PRECISIONS

FEWER_BITS = tuple(name for name in PRECISIONS if name != EXACT)


def _architecture(text: str) -> str:
    if text not in ARCHITECTURES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(ARCHITECTURES)}")
    return text


def _fewer_bits(text: str) -> str:
    if text not in (*FEWER_BITS, "none"):
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(FEWER_BITS)}, none")
    return text


def _precision(text: str) -> str:
    if text not in PRECISIONS:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(PRECISIONS)}")
    return text


def _image(text: str) -> str:
    if text not in IMAGES:
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(IMAGES)}")
    return text


def _share(text: str) -> tuple[str, float]:
    name, _, weight = text.partition("=")
    try:
        share = float(weight or 1)
    except ValueError:
        share = -1.0
    if not 0 < share < float("inf"):
        raise typer.BadParameter(f"{text!r} is no NAME=WEIGHT with a weight above 0")
    return _architecture(name), share


Quick = Annotated[bool, typer.Option("--quick", help="Short slices and no builds: to see that all works.")]
Architectures = Annotated[
    list[str] | None, typer.Option(parser=_architecture, metavar="NAME", help="Repeatable; default: all.")
]
Clients = Annotated[
    list[int] | None, typer.Option(min=1, metavar="N", help="Repeatable; default: 1, 8 and 32, quick 1 and 8.")
]
Precisions = Annotated[
    list[str] | None,
    typer.Option(
        parser=_fewer_bits,
        metavar="bf16|int8|none",
        help="Beside the archives' own; repeatable. Default: both; quick none.",
    ),
]
Seconds = Annotated[float | None, typer.Option(help="Of one slice; default: 4, quick 1.")]
Pairs = Annotated[int | None, typer.Option(min=1, help="Of slices a case; default: 5, quick 2.")]
Images = Annotated[
    list[str] | None, typer.Option(parser=_image, metavar="NAME", help="small, photo; repeatable; default: both.")
]
Profile = Annotated[bool, typer.Option("--profile", help="Only where a request's time goes.")]
Build = Annotated[bool, typer.Option(help="Measure how long the archives take to build.")]
Output = Annotated[Path | None, typer.Option(help="JSON file; default: RUN_DIR/bench/results.json.")]
Mix = Annotated[
    list[Any] | None,
    typer.Option(
        parser=_share,
        metavar="NAME=WEIGHT",
        help="Architectures that are asked for, and how often; repeatable. Default: all alike.",
    ),
]
Precision = Annotated[str, typer.Option(parser=_precision, metavar="f32|bf16|int8", help="What the models compute in.")]
Rates = Annotated[
    list[float] | None,
    typer.Option(min=0.001, metavar="N", help="Requests a second; repeatable. Default: 10 to 1,000,000."),
]
