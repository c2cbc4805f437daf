"""The report as one HTML page that opens without a network: pictures and style are in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from PIL import Image, ImageOps

from scripts.evaluation import wording
from scripts.evaluation.claim import verdict
from scripts.evaluation.plots import draw_all

_TEMPLATES = Path(__file__).parent / "templates"
_THUMBNAIL = 112  # pixels, the longer side
THUMBNAILS = 24  # in a row of pictures at most


def report_page(result: dict[str, Any], data: Path, cache: Path) -> str:
    """The page of one evaluation, made from its JSON; the thumbnails are made from the files in ``data``."""
    shown = [*result["mistakes"], *(result.get("against") or {}).get("differences", [])[:THUMBNAILS]]
    return _render(
        "report.html.j2",
        result=result,
        plots={name: data_uri(svg.encode(), "image/svg+xml") for name, svg in draw_all(result, cache).items()},
        thumbnails=thumbnails(data, (one["file"] for one in shown)),
        verdict=verdict(result["claim"]),
        most=THUMBNAILS,
    )


def matrix_page(table: dict[str, Any]) -> str:
    """The page of all models, with links to the pages of each, which lie beside it."""
    return _render("matrix.html.j2", table=table)


def thumbnails(data: Path, names: Iterable[str]) -> dict[str, str]:
    """Small JPEG images of files below ``data``, as data URIs by name; one that cannot be decoded has none."""
    found = {}
    for name in names:
        file = io.BytesIO()
        try:
            with Image.open(data / name) as image:
                small = ImageOps.exif_transpose(image).convert("RGB")
        except (OSError, ValueError, SyntaxError):
            continue
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        small.save(file, "JPEG", quality=80)
        found[name] = data_uri(file.getvalue(), "image/jpeg")
    return found


def data_uri(content: bytes, kind: str) -> str:
    """``content`` as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _render(template: str, **values: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for text in (wording.percent, wording.estimate, wording.score, wording.pvalue, wording.counted):
        environment.filters[text.__name__] = text
    return environment.get_template(template).render(**values)
