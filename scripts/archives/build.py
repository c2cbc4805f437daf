"""Build the archives that are not up to date, and the index: one build at a time in a model store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from scripts import ensembles
from scripts.archives.changes import Build, Result
from scripts.archives.report import show
from scripts.archives.signing import Signer, sign_all
from scripts.archives.versions import Request
from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints import near_misses, stand_ins
from scripts.console import announcer
from scripts.errors import UserError
from scripts.files import cannot_write, is_read_only
from scripts.settings import Settings
from scripts.store.records import locked

_VERSION = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
# A GPU that torch can use shows as one of these; without one, torch need not be imported to find out.
_GPU_DEVICES = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


class BuildError(UserError):
    """Nothing can be built; the message says why and what to do."""


def build_all(
    settings: Settings,
    console: Console,
    *,
    names: Iterable[str] = (),
    version: str | None = None,
    runtime: str | None = None,
    force: bool = False,
    jobs: int | None = None,
    sign: Path | None = None,
    starting: bool = False,
) -> dict[str, Result]:
    """Build the archives of ``names`` (default: all) that are not up to date, and rewrite the index.

    Makes stand-in checkpoints first where there is neither a checkpoint nor an archive of one. Waits while another
    process builds. Names the files that look like checkpoints under other names. ``version`` is for what is built; None
    keeps the one an archive has, unless that has served (scripts/archives/versions.py). A model store that is read-only
    serves as it is, if it is up to date. ``sign`` is the key that signs the archives. ``starting``: what a start tells
    later is left out. Returns the results by model name in the catalogue's order; a model that failed is one of them.
    Raises BuildError, CatalogueError, StandInError or SigningError when nothing can be built at all.
    """
    catalogue, names = load_catalogue(settings.catalogue), list(names)
    chosen = _chosen(settings, catalogue, names)
    request = _request(version, force, names)
    runtime = _runtime(runtime or settings.runtime)
    stand_ins.refuse_mistyped_folder(settings)
    signer = Signer(sign) if sign else None
    try:
        build = _build(settings, catalogue, chosen, console, request, runtime, jobs)
    except OSError as error:
        raise BuildError(cannot_write(error, settings.model_store, "MODEL_STORE")) from error
    results = {name: build.results[name] for name in catalogue if name in build.results}
    show(settings, results, console, starting)
    if signer:
        _sign(settings, chosen, signer, console)
    if any(result.outcome == "failed" or result.stand_in for result in results.values()):
        _tell(near_misses.notice(settings), console)
    return results


def _build(
    settings: Settings,
    catalogue: dict[str, Model],
    chosen: list[Model],
    console: Console,
    request: Request,
    runtime: str,
    jobs: int | None,
) -> Build:
    if is_read_only(settings.model_store):
        build = Build(settings, catalogue, runtime)
        _refuse_to_build(build, chosen, request)
        return build
    with locked(settings.model_store, announcer(console)) as work:
        if stand_ins.wanted(settings):
            stand_ins.make_stand_ins(settings, console)
        build = Build(settings, catalogue, runtime)
        build.run(chosen, work, console, request, jobs)
    return build


def _sign(settings: Settings, chosen: list[Model], signer: Signer, console: Console) -> None:
    try:
        with locked(settings.model_store, announcer(console)):
            sign_all(settings.model_store, chosen, signer, console)
    except OSError as error:
        raise BuildError(cannot_write(error, settings.model_store, "MODEL_STORE")) from error


def _request(version: str | None, force: bool, names: list[str]) -> Request:
    if version is not None and not _VERSION.match(version):
        raise BuildError(f"archive version {version!r}: use letters, digits, '.', '_' and '-'")
    return Request(version, force, named=bool(names))


def _tell(notice: str | None, console: Console) -> None:
    if notice:
        announcer(console)(f"{notice}.")


def _refuse_to_build(build: Build, chosen: list[Model], request: Request) -> None:
    """Raise BuildError if something would have to be built. A model that failed keeps its entry in the index."""
    for model in chosen:
        if plan := build.plan(model, request):
            raise BuildError(
                f"MODEL_STORE={build.settings.model_store}: is read-only, but {model.archive_file} has to be built "
                f"({plan.reason}); make the folder writable, or set MODEL_STORE to another one"
            )


def _chosen(settings: Settings, catalogue: dict[str, Model], names: list[str]) -> list[Model]:
    for name in names:
        if refusal := ensembles.refusal(settings.catalogue, name):
            raise BuildError(refusal)
        if name not in catalogue:
            raise BuildError(f"model {name!r} is not in the catalogue; it has {', '.join(catalogue)}")
    return [model for name, model in catalogue.items() if not names or name in names]


def _runtime(wanted: str) -> str:
    if wanted != "auto":
        return wanted
    if any(os.path.exists(device) for device in _GPU_DEVICES):
        import torch

        return "torch" if torch.cuda.is_available() else "openvino"
    return "openvino"
