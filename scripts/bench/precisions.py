"""Models in fewer bits: archives in a store of their own, judged on drawn faces, and a stack that serves them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from scripts.bench.build_time import BUILD
from scripts.bench.servers import run_command, stack_environment, stack_settings
from scripts.catalogue import Model
from scripts.errors import REFUSED
from scripts.pictures.faces import HELD_OUT_SEED, write_faces
from scripts.settings import Settings
from scripts.store.index import read_index

# A third is quantised with; of what is left, enough have a label for a loss of half a point to count.
FACES = 600


def prepare(
    settings: Settings, directory: Path, precision: str, models: Sequence[Model], log: Path
) -> tuple[Settings, dict[str, str]]:
    """Build archives of ``models`` in fewer bits, as the setting ``GATE`` lets them pass.

    Returns the settings of a stack with those that may serve, and why the others may not, by name.
    """
    own = replace(
        stack_settings(settings, directory / "stack"),
        catalogue=directory / "models.json",
        model_store=directory / "model_store",
    )
    own.model_store.mkdir(parents=True, exist_ok=True)
    _write_catalogue(own, settings, [model.name for model in models])
    choices = {"PRECISION": precision, "PREPROCESSING": "exact", "CALIBRATION": str(_faces(directory, models))}
    run_command(BUILD, stack_environment(own) | choices, log, allowed=(0, REFUSED))
    index = read_index(own.index_file)
    served = [model.name for model in models if index[model.name].get("archive")]
    _write_catalogue(own, settings, served)
    return own, {model.name: str(index[model.name]["error"]) for model in models if model.name not in served}


def _write_catalogue(own: Settings, settings: Settings, names: Sequence[str]) -> None:
    """The user's entries of ``names``, without what they say of precision."""
    entries = json.loads(settings.catalogue.read_text(encoding="utf-8-sig"))
    told = {name: entry for name, entry in entries.items() if name in names}
    for entry in told.values():
        for key in ("precision", "preprocessing"):
            entry.pop(key, None)
    own.catalogue.write_text(json.dumps(told, ensure_ascii=False), encoding="utf-8")


def _faces(directory: Path, models: Sequence[Model]) -> Path:
    """Drawn faces for each dataset of the models, in a folder by its name."""
    folder = directory.parent / "faces"
    for dataset, labels in {model.dataset: model.emotions for model in models}.items():
        if not (folder / dataset).exists():
            new = folder / f".{dataset}"
            shutil.rmtree(new, ignore_errors=True)
            write_faces(new, labels, FACES, HELD_OUT_SEED)
            new.rename(folder / dataset)
    return folder
