"""Files in ``results/`` that look like checkpoints but have not the name of one; needs no torch."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from scripts.catalogue import load_catalogue
from scripts.checkpoints import other_kinds, zip_files
from scripts.checkpoints.file_types import begins_like_safetensors
from scripts.settings import Settings

_DEEPEST = 4  # levels of folders
_MOST = 20_000  # files that are looked at, in case RESULTS_DIR is a large tree

# Also before "(1)", ".part", ".gz" and whatever copying and downloading add.
_CHECKPOINT_NAME = re.compile(
    r"\.(pt|pth|pt2|ckpt|t7|safetensors|bin|pkl|pickle|weights|h5|hdf5|keras|onnx|pb|tflite)(?![a-z0-9])",
    re.IGNORECASE,
)
_OTHER_NAME = re.compile(
    r"\.(sha\d+|md5|json|ya?ml|log|csv|md|png|jpe?g|svg|py|ipynb)(\.(gz|bz2|xz|zst))?$", re.IGNORECASE
)
_LEGACY_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19"  # torch.save's magic number before torch 1.6
_STAND_IN_PART = re.compile(r"standin-.*\.part")
# {"stand_in": True, as a pickle of protocol 2 begins with; stand-ins are made so.
_STAND_IN_MARK = re.compile(rb"stand_in(q.|r....)?\x88", re.DOTALL)


def near_misses(settings: Settings) -> list[Path]:
    """The files in ``results/`` and its folders that look like checkpoints and are not used, sorted.

    Stand-ins do not count, nor do files whose content is used through a link.
    """
    names = {model.checkpoint_file for model in load_catalogue(settings.catalogue).values()}
    used = {identity for name in names if (identity := _identity(settings.results_dir / name))}
    found = []
    for path in itertools.islice(_files(settings.results_dir), _MOST):
        named = path.parent == settings.results_dir and path.name in names
        if not named and _looks_like_a_checkpoint(path) and _identity(path) not in used and not is_marked(path):
            found.append(path)
    return sorted(found)


def notice(settings: Settings) -> str | None:
    """What a person is told of such files and what to do; None where there are none."""
    found = [str(path.relative_to(settings.results_dir)) for path in near_misses(settings)]
    if not found:
        return None
    shown = ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")
    looks, has, each, them = ("looks like a checkpoint", "has", "it seems", "it")
    if len(found) > 1:
        looks, has, each, them = ("look like checkpoints", "have", "each seems", "them")
    return (
        f"{shown} in {settings.results_dir.name}/ {looks} but {has} another name than models.json asks for; "
        f"`make checkpoints` says which model {each} to be for, and `make checkpoints ADOPT=1` takes {them}"
    )


def is_marked(path: Path) -> bool:
    """Whether the file says that it is a stand-in, as far as can be told without torch."""
    return bool(_STAND_IN_MARK.search(zip_files.record_start(path, "data.pkl", 1000)))


def _files(folder: Path) -> Iterator[Path]:
    """All files below, in sorted folders; hidden ones are left out, links are followed."""
    for parent, folders, files in os.walk(folder, followlinks=True):
        depth = len(Path(parent).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEEPEST else []
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _looks_like_a_checkpoint(path: Path) -> bool:
    if _STAND_IN_PART.fullmatch(path.name) or _OTHER_NAME.search(path.name):
        return False
    if _CHECKPOINT_NAME.search(path.name):
        return True
    try:
        with path.open("rb") as file:
            start = file.read(other_kinds.HEAD)
    except OSError:
        return False
    if start.startswith(zip_files.START):
        names = zip_files.names(path) or []
        return bool(names) and (other_kinds.of_zip(names) is None or any(map(_CHECKPOINT_NAME.search, names)))
    return start.startswith(_LEGACY_TORCH) or begins_like_safetensors(start) or other_kinds.is_packed(start)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
