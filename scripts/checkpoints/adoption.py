"""Say for which model each near miss in ``results/`` seems to be, and give those that are sure the right name."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints.digest_files import refuse_wrong_digest
from scripts.checkpoints.file_names import models_named
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.near_misses import is_marked, near_misses
from scripts.checkpoints.reading import load_checkpoint, network_in
from scripts.files import exclusive, sha256
from scripts.settings import Settings


@dataclass(frozen=True)
class NearMiss:
    """A file that looks like a checkpoint, and the models it may be for.

    ``weights`` says what is inside. ``obstacle`` says why it is not taken; "" if it can be, for the only model.
    """

    path: Path
    models: tuple[Model, ...]
    weights: str
    obstacle: str = ""


def examine(settings: Settings) -> list[NearMiss]:
    """Look into every near miss of ``results/``."""
    catalogue = load_catalogue(settings.catalogue)
    found = [_examined(path, path.relative_to(settings.results_dir), catalogue) for path in near_misses(settings)]
    found = [_unless_occupied(miss, settings.results_dir) for miss in found]
    return [_unless_rivalled(miss, found) for miss in found]


def adopt(settings: Settings, misses: Iterable[NearMiss]) -> list[str]:
    """Give each file that can be taken its model's name by a link, or a copy where there are no links.

    The file itself stays as it is and where it is, and no file but a stand-in is replaced. Returns what was done, a
    sentence for each. Raises OSError where ``results/`` cannot be written.
    """
    with exclusive(settings.results_dir):
        return [_take(miss.path, settings.results_dir / miss.models[0].checkpoint_file) for miss in misses]


def _examined(path: Path, relative: Path, catalogue: Mapping[str, Model]) -> NearMiss:
    named = models_named(str(relative), catalogue.values())
    try:
        architecture, outputs = network_in(path)
    except CheckpointError as error:
        return NearMiss(path, tuple(named), "", str(error))
    weights = f"{architecture or 'unknown network'}{f', {outputs} outputs' if outputs else ''}"
    fitting = [m for m in catalogue.values() if m.architecture == architecture and len(m.emotions) == outputs]
    if named and not set(named) & set(fitting):
        alike = [model for model in named if model.architecture == architecture] or named
        return NearMiss(path, tuple(alike), weights, _mismatch(path, alike))
    if not fitting:
        return NearMiss(path, (), weights, "no model of models.json has such a network")
    if not named:
        return NearMiss(path, tuple(fitting), weights, "its name says no dataset; give it the name of the right one")
    models = tuple(model for model in named if model in fitting)
    if len(models) > 1:
        return NearMiss(path, models, weights, "its name fits several; give it the name of the right one")
    return NearMiss(path, models, weights, _trouble(path, models[0]))


def _mismatch(path: Path, named: list[Model]) -> str:
    if len(named) > 1:
        return "its weights are of another network than its name says"
    return _trouble(path, named[0])


def _trouble(path: Path, model: Model) -> str:
    """Why the file cannot be this model's checkpoint; "" if it can."""
    try:
        refuse_wrong_digest(path, lambda: sha256(path))
        load_checkpoint(path, model)
    except CheckpointError as error:
        return str(error)
    return ""


def _unless_occupied(miss: NearMiss, results: Path) -> NearMiss:
    if miss.obstacle:
        return miss
    place = results / miss.models[0].checkpoint_file
    if os.path.lexists(place) and not is_marked(place):
        return replace(miss, obstacle=f"{place.name} is there already; remove it first if this one is to be used")
    return miss


def _unless_rivalled(miss: NearMiss, others: Iterable[NearMiss]) -> NearMiss:
    """Of several different files for one model none is sure; of equal ones the first is taken."""
    if miss.obstacle:
        return miss
    rivals = [other for other in others if not other.obstacle and other.models == miss.models]
    different = [other for other in rivals if not filecmp.cmp(other.path, miss.path, shallow=False)]
    if different:
        name = different[0].path.name
        return replace(miss, obstacle=f"{name} seems to be for it as well; give the right one the name")
    if rivals[0] is not miss:
        return replace(miss, obstacle=f"the same as {rivals[0].path.name}")
    return miss


def _take(source: Path, place: Path) -> str:
    where = os.path.relpath(source, place.parent)
    stand_in = is_marked(place)
    new = place.with_name(f".{place.name}.{os.getpid()}") if stand_in else place
    try:
        new.symlink_to(where)
        done = "a link to"
    except FileExistsError:
        return f"{place.name} is there already; {where} was left alone."
    except OSError:  # a file system without links
        _copy(source, new)
        done = "a copy of"
    if stand_in:
        new.replace(place)
    return f"{place.name} is now {done} {where}{', in place of the stand-in' if stand_in else ''}."


def _copy(source: Path, place: Path) -> None:
    """Copy a file to a name that must be free; nothing stays of a copy that fails."""
    with place.open("xb") as copy:
        try:
            with source.open("rb") as original:
                shutil.copyfileobj(original, copy)
        except BaseException:
            with contextlib.suppress(OSError):
                place.unlink()
            raise
