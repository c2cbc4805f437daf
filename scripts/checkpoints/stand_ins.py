"""Make checkpoints to stand in for the user's: seeded, of the catalogue's shapes, sensitive to their input.

They are for trying and testing the system: they know the drawn faces, and their answers about photographs mean nothing.
``checkpoints.calibration`` makes the weights.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.catalogue import ARCHITECTURES, Model, load_catalogue
from scripts.checkpoints import near_misses
from scripts.console import announcer
from scripts.errors import UserError
from scripts.files import exclusive
from scripts.pool.progress import STAND_IN_STAGES, BuildProgress
from scripts.pool.tasks import Report, Task, run_tasks
from scripts.settings import ROOT, Settings
from scripts.store.records import read_record
from scripts.store.serve_only import refuse_to_build_without_torch
from scripts.store.stand_ins import stand_ins_may_serve

_PART, _SUFFIX = "standin-", ".part"


class StandInError(UserError):
    """Stand-ins may not or cannot be made here; the message says why and what to do."""


def wanted(settings: Settings) -> bool:
    """Whether a build makes stand-ins by itself: they may serve, and there is no checkpoint and no archive of one.

    A file that looks like a checkpoint changes nothing here: ``make_stand_ins`` then says what to do with it.
    """
    if not stand_ins_may_serve(settings):
        return False
    models = list(load_catalogue(settings.catalogue).values())
    return len(_missing(settings)) == len(models) and not _archives_of_real_ones(settings, models)


def make_stand_ins(settings: Settings, console: Console) -> list[str]:
    """Make a stand-in for each missing checkpoint and return their models' names; nothing is ever overwritten.

    Raises StandInError where a real checkpoint, an archive of one or a file that looks like one is present, and when
    one cannot be made. Waits while another process makes them.
    """
    refuse_mistyped_folder(settings)
    settings.results_dir.mkdir(parents=True, exist_ok=True)
    with exclusive(settings.results_dir, announcer(console)):
        missing = _missing(settings)
        if not missing:
            return []
        if not stand_ins_may_serve(settings):
            raise StandInError(
                f"stand-ins are not made where real models were built or served, or STAND_INS=never; add the "
                f"missing ones to {settings.results_dir.name}/ ({', '.join(model.name for model in missing)}), or set "
                "STAND_INS=allowed"
            )
        refuse_to_build_without_torch()
        _refuse_among_real_ones(settings, {model.name for model in missing})
        _require_space(settings, missing)
        console.print(
            f"[bold yellow]Making {len(missing)} stand-in checkpoints[/] in {settings.results_dir.name}/.",
            soft_wrap=True,
        )
        try:
            _make(missing, settings, console)
        finally:
            for part in settings.results_dir.glob(f"{_PART}*{_SUFFIX}"):
                part.unlink()
    return [model.name for model in missing]


def refuse_mistyped_folder(settings: Settings) -> None:
    """Raise StandInError if RESULTS_DIR names a folder that does not exist; only the clone's own is made."""
    if settings.results_dir != ROOT / "results" and not settings.results_dir.is_dir():
        raise StandInError(
            f"RESULTS_DIR={settings.results_dir}: there is no such folder; name the one with your checkpoints, or "
            "make it for stand-ins"
        )


def make_stand_in(order: dict[str, Any], report: Report) -> dict[str, Any]:
    """Make one stand-in (a worker's task): ``order`` has ``model`` and ``folder``."""
    import torch

    from scripts.checkpoints.calibration import calibrated_state_dict
    from scripts.checkpoints.known_faces import known_faces

    model = Model.from_json(order["model"])
    path = Path(order["folder"]) / model.checkpoint_file
    report("making")
    torch.set_num_threads(1)  # with more, the order of the sums, and so the weights, would depend on their number
    seed = zlib.crc32(model.name.encode())
    state_dict = calibrated_state_dict(model.architecture, len(model.emotions), seed, known_faces(model))
    report("writing")
    with tempfile.NamedTemporaryFile(prefix=_PART, suffix=_SUFFIX, dir=path.parent, delete=False) as file:
        # Given a name, torch.save would write it into the file, and no two would be alike.
        torch.save({"stand_in": True, "seed": seed, "state_dict": state_dict}, file)
    part = Path(file.name)
    part.chmod(0o644)
    if not os.path.lexists(path):
        part.replace(path)
    return {}


def _missing(settings: Settings) -> list[Model]:
    """The models without a file in the results directory; a broken link counts as a file."""
    models = load_catalogue(settings.catalogue).values()
    return [model for model in models if not os.path.lexists(settings.results_dir / model.checkpoint_file)]


def _archives_of_real_ones(settings: Settings, models: list[Model]) -> list[str]:
    records = {model.archive_file: read_record(settings.model_store, model) for model in models}
    return [name for name, record in records.items() if record and not record.stand_in]


def _refuse_among_real_ones(settings: Settings, missing: set[str]) -> None:
    models = list(load_catalogue(settings.catalogue).values())
    present = [settings.results_dir / model.checkpoint_file for model in models if model.name not in missing]
    if present:
        from scripts.checkpoints.reading import is_stand_in

        real = [path.name for path in present if not is_stand_in(path)]
    else:
        real = _archives_of_real_ones(settings, models)
    if real:
        raise StandInError(
            f"{real[0]} is not a stand-in, and stand-ins are never made among real ones; "
            f"add the missing checkpoints to {settings.results_dir.name}/ ({', '.join(sorted(missing))})"
        )
    notice = near_misses.notice(settings)
    if notice:
        raise StandInError(f"{notice}. Stand-ins are never made beside such files: for stand-ins, move them elsewhere")


def _require_space(settings: Settings, missing: list[Model]) -> None:
    need = sum(_bytes(model) for model in missing)
    free = shutil.disk_usage(settings.results_dir).free
    if free < need:
        raise StandInError(
            f"{len(missing)} stand-ins need {need // 1_000_000} MB, but the disk of {settings.results_dir.name}/ has "
            f"{free // 1_000_000} MB free; free some space and run this again"
        )


def _make(models: list[Model], settings: Settings, console: Console) -> None:
    errors: list[str] = []
    with BuildProgress(console, [model.name for model in models], STAND_IN_STAGES, lines=True) as progress:

        def finished(name: str, result: dict[str, Any] | None, error: str | None) -> None:
            errors.extend([f"{name}: {error}"] if error else [])
            progress.finished("failed" if error else "stand-in", name)

        tasks = [
            Task("scripts.checkpoints.stand_ins:make_stand_in", model.name, _order(settings, model), _bytes(model))
            for model in models
        ]
        run_tasks(tasks, settings, stage=progress.stage, finished=finished)
    if errors:
        raise StandInError(errors[0])


def _bytes(model: Model) -> int:
    return ARCHITECTURES[model.architecture].checkpoint_bytes


def _order(settings: Settings, model: Model) -> dict[str, Any]:
    return {"model": model.to_json(), "folder": str(settings.results_dir)}
