"""What the proxy's pages need beyond proxy/pages/: the API's description and the files of Swagger UI and Redoc."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from collections.abc import Mapping, Set
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from scripts.catalogue import Model, load_catalogue
from scripts.ensembles import load_names
from scripts.errors import UserError
from scripts.settings import ROOT, Settings

DESCRIPTION = ROOT / "proxy" / "openapi" / "openapi.yaml"

# fastapi-offline is the one maintained package that has both; only its files are used, it is never imported.
ASSET_PACKAGE = "fastapi_offline"
SWAGGER_FILES = ("swagger-ui-bundle.js", "swagger-ui.css")
REDOC_FILE = "redoc.standalone.js"
# Redoc's bundle asks another host for its logo; an empty picture stands there instead.
REDOC_LOGO = b"https://cdn.redoc.ly/redoc/logo-mini.svg"
NO_LOGO = b"data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


class PagesError(UserError):
    """The pages cannot be prepared; the message says why and what to do."""


def guide_dir(settings: Settings) -> Path:
    """Where the documentation is as a site, if `make guide` has built it."""
    return settings.run_dir / "guide"


def write_pages(catalogue: Path, version: str, directory: Path, max_faces: int) -> None:
    """Write openapi.json and docs/ into ``directory``, which the proxy serves.

    ``max_faces`` is how many faces a request may ask for.

    Raises CatalogueError for an unusable catalogue and PagesError for a missing package.
    """
    docs = directory / "docs"
    docs.mkdir(parents=True, exist_ok=True)
    description = describe(load_catalogue(catalogue), version, load_names(catalogue))
    most = description["components"]["schemas"]["FacesRequest"]["properties"]["max_faces"]
    most |= {"maximum": max_faces, "default": min(most["default"], max_faces)}
    (directory / "openapi.json").write_text(json.dumps(description, indent=2, ensure_ascii=False), encoding="utf-8")
    assets = _assets()
    for name in SWAGGER_FILES:
        shutil.copyfile(assets / name, docs / name)
    bundle = (assets / REDOC_FILE).read_bytes()
    (docs / REDOC_FILE).write_bytes(bundle.replace(REDOC_LOGO, NO_LOGO))


def describe(
    models: dict[str, Model], version: str, names: Mapping[str, tuple[str, ...]] | None = None
) -> dict[str, Any]:
    """The OpenAPI 3.1 description of the API for this catalogue.

    ``names`` are all that clients may ask for with their labels, by default those of ``models``.
    """
    labels = names or {name: model.emotions for name, model in models.items()}
    description: dict[str, Any] = yaml.safe_load(DESCRIPTION.read_text(encoding="utf-8"))
    description["info"]["version"] = version
    schemas = description["components"]["schemas"]
    schemas["ModelName"]["enum"] = list(labels)
    schemas["Label"] |= _label_values({label for own in labels.values() for label in own})
    for name in ("Prediction", "Face"):
        schemas[name]["properties"]["predictions"]["minProperties"] = min(map(len, labels.values()))
    schemas["Models"]["example"] = {
        "models": {name: _entry(model) for name, model in models.items()},
        "loaded_models": list(models),
    }
    return description


def _label_values(labels: Set[str]) -> dict[str, list[str]]:
    """The labels, with a name for each in generated clients, which make one name of ``anger`` and ``Anger``.

    https://openapi-generator.tech/docs/templating#enum
    """
    names: dict[str, str] = {}
    for label in sorted(labels, key=lambda label: (label.lower(), not label.islower(), label)):
        plain = re.sub(r"\W+", "_", label).upper()
        free = itertools.chain([plain], (f"{plain}_{number}" for number in itertools.count(2)))
        names[label] = next(name for name in free if name not in names.values())
    return {"enum": list(names), "x-enum-varnames": list(names.values())}


def _entry(model: Model) -> dict[str, Any]:
    hidden = ("name", "face_margin")
    return {key: value for key, value in model.to_json().items() if key not in hidden and value is not None}


def _assets() -> Path:
    spec = find_spec(ASSET_PACKAGE)
    if spec is None or spec.origin is None:
        raise PagesError("fastapi-offline is not installed; run 'pip install -r requirements.txt'")
    return Path(spec.origin).parent / "static"
