"""What an archive shall compute in and how it prepares pictures: by its entry, the settings, or what it has."""

from __future__ import annotations

import importlib.util

from scripts.archives.fewer_bits import Wish, missing
from scripts.catalogue import Model
from scripts.precision import EXACT, FAST, PREPROCESSINGS
from scripts.settings import Settings
from scripts.store.records import Record

_RESIZER = "cykooz_resizer"


def precision(model: Model, settings: Settings, record: Record | None) -> str:
    """What the entry says, or else the settings; or else what the archive has."""
    if model.precision:
        return model.precision
    if settings.precision != "auto":
        return settings.precision
    return record.precision if record else EXACT


def preprocessing(model: Model, settings: Settings, record: Record | None, chosen: str) -> str:
    """The same of the preprocessing, for an archive of the precision ``chosen``; float32 keeps no fast one."""
    if model.preprocessing:
        return model.preprocessing
    if settings.preprocessing != "auto":
        return settings.preprocessing
    return record.preprocessing if record and chosen != EXACT else PREPROCESSINGS[0]


def problem(settings: Settings, runtime: str, chosen: str, prepared: str) -> str | None:
    """Why an archive of the precision ``chosen`` with the preprocessing ``prepared`` cannot be made, and what to do."""
    if chosen == EXACT:
        return _EXACT_ONLY if prepared == FAST else None
    if runtime != "openvino":
        return f"{chosen} is computed by OpenVINO only; set RUNTIME=openvino, or PRECISION=f32"
    if prepared == FAST and importlib.util.find_spec(_RESIZER) is None:
        return (
            "fast preprocessing needs cykooz-resizer, which has wheels for x86-64 only; run `make setup`, or set "
            "PREPROCESSING=exact"
        )
    return missing(Wish(chosen, settings.calibration, settings.gate))


_EXACT_ONLY = (
    "fast preprocessing changes the answers, and those in float32 are training's; set PRECISION=bf16 or int8, whose "
    "answers are compared before they are used, or PREPROCESSING=exact"
)
