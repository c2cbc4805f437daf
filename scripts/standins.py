"""Make untrained checkpoints to stand in for the user's: seeded, of the catalogue's shapes, sensitive to their input.

A freshly initialised network answers nearly the same for every image, so nothing could be tested with it. Here
every layer is scaled while seeded images run through it, and the last layer reads the directions in which the
images differ most. The answers mean nothing.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.catalogue import CatalogueError, Model, load_catalogue
from scripts.pool import Report, Task, run_tasks
from scripts.settings import Settings, SettingsError, load_settings

_PART = "standin-"  # torch.save takes no name that begins with a dot


class StandInError(RuntimeError):
    """Stand-ins may not be made here; the message says why and what to do."""


def missing_checkpoints(settings: Settings) -> list[Model]:
    """The catalogue's models without a file in the results directory (a broken link counts as a file)."""
    models = load_catalogue(settings.catalogue).values()
    return [model for model in models if not os.path.lexists(settings.results_dir / model.checkpoint_file)]


def make_stand_ins(settings: Settings, console: Console) -> list[str]:
    """Make a stand-in for each missing checkpoint and return their models' names.

    Raises StandInError where one of the files there is no stand-in, or when one cannot be written. Nothing is
    ever overwritten.
    """
    missing = missing_checkpoints(settings)
    if not missing:
        return []
    _refuse_among_real_ones(settings, {model.name for model in missing})
    _clear_leftovers(settings.results_dir)
    console.print(
        f"[bold yellow]Making {len(missing)} stand-in checkpoints[/] in {settings.results_dir.name}/: "
        "untrained networks whose answers mean nothing."
    )
    errors: list[str] = []

    def finished(name: str, result: dict[str, Any] | None, error: str | None) -> None:
        if error:
            errors.append(error)
        else:
            console.print(f"  {name}: untrained stand-in")

    tasks = [
        Task("stand_in", model.name, {"model": model.__dict__, "folder": str(settings.results_dir)}, weight=weight)
        for model, weight in _by_size(missing)
    ]
    run_tasks(tasks, settings, finished=finished)
    if errors:
        raise StandInError(errors[0])
    return [model.name for model in missing]


def make_stand_in(order: dict[str, Any], report: Report) -> dict[str, Any]:
    """Make one stand-in (a worker's task): ``order`` has ``model`` and ``folder``."""
    import torch

    from scripts.calibration import calibrated_state_dict

    model = Model(**{**order["model"], "emotions": tuple(order["model"]["emotions"])})
    path = Path(order["folder"]) / model.checkpoint_file
    seed = stand_in_seed(model)
    report("making an untrained network")
    state_dict = calibrated_state_dict(model.architecture, len(model.emotions), seed)
    report("writing")
    part = Path(tempfile.mkstemp(prefix=_PART, suffix=".part", dir=path.parent)[1])
    try:
        torch.save({"stand_in": True, "seed": seed, "state_dict": state_dict}, part)
        part.chmod(0o644)
        if not os.path.lexists(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {}


def stand_in_seed(model: Model) -> int:
    """A seed of the model's own, the same on every machine."""
    return zlib.crc32(model.name.encode())


def main(argv: list[str] | None = None) -> int:
    """Make a stand-in for every missing checkpoint; nothing is overwritten."""
    argparse.ArgumentParser(prog="python -m scripts.standins", description=main.__doc__).parse_args(argv)
    console, errors = Console(), Console(stderr=True)
    try:
        settings = load_settings()
        made = make_stand_ins(settings, console)
    except (SettingsError, CatalogueError, StandInError, OSError) as error:
        errors.print(f"[red]{error}[/]", highlight=False)
        return 1
    if not made:
        console.print(f"Nothing to make: {settings.results_dir.name}/ has a file for every model.")
    return 0


def _refuse_among_real_ones(settings: Settings, missing: set[str]) -> None:
    from scripts.checkpoints import is_stand_in

    for model in load_catalogue(settings.catalogue).values():
        path = settings.results_dir / model.checkpoint_file
        if model.name not in missing and not is_stand_in(path):
            raise StandInError(
                f"{path.name} is no stand-in, and stand-ins are never made among other checkpoints: "
                f"add the missing files to {settings.results_dir.name}/ instead ({', '.join(sorted(missing))})"
            )


def _clear_leftovers(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for part in folder.glob(f"{_PART}*.part"):
        part.unlink()


def _by_size(models: list[Model]) -> list[tuple[Model, int]]:
    megabytes = {"MobileNetV2": 9, "ResNet50": 94, "VGG19": 558}
    return [(model, megabytes[model.architecture] * 1_000_000) for model in models]


if __name__ == "__main__":
    sys.exit(main())
