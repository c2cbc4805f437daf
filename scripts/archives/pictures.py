"""The pictures that an archive of fewer bits is made with and judged by: ``CALIBRATION``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.catalogue import Model
from scripts.errors import UserError
from scripts.files import sha256
from scripts.labels import match
from scripts.precision import Gate

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})
# NNCF's own measure; more change little.
CALIBRATING = 300
# Of every so many pictures one is for calibration, where that is needed.
_SHARE = 3


class PicturesError(UserError):
    """The pictures cannot be used or do not suffice; the message names the folder and what to give."""


@dataclass(frozen=True)
class Pictures:
    """Files in an order by chance, which is the same each time, and the model's label of each; None if unknown.

    ``place`` is the folder that they were found in.
    """

    place: Path
    files: tuple[Path, ...]
    labels: tuple[str | None, ...]


@dataclass(frozen=True)
class Split:
    """Those to quantise with, and those to judge by; no picture is in both."""

    calibrating: Pictures
    held_out: Pictures


def find(folder: Path, model: Model) -> Pictures:
    """The pictures in ``folder/{label}/``, in its subfolder for the model's dataset if there is one, or in itself.

    Copies of a file count once. Raises PicturesError if there is none.
    """
    own = folder / model.dataset
    place = own if own.is_dir() else folder
    try:
        files = list(_below(place))
        labels = match({file.relative_to(place).parts[0] for file in files}, model.emotions)
        found = {sha256(file): file for file in reversed(files)}
    except OSError as error:
        raise PicturesError(f"CALIBRATION={folder}: cannot be read ({error.strerror}); check its rights") from error
    if not found:
        raise PicturesError(
            f"CALIBRATION={folder}: there is no picture in it; give a folder of pictures like those that the model "
            "will see, best in a folder for each label (LABEL/*.jpg)"
        )
    ordered = [found[digest] for digest in sorted(found)]
    return Pictures(place, tuple(ordered), tuple(labels.get(file.relative_to(place).parts[0]) for file in ordered))


def split(pictures: Pictures, gate: Gate | None, *, calibrate: bool) -> Split:
    """Divide the pictures. Raises PicturesError if too few are left to judge by; without a gate all calibrate."""
    count = len(pictures.files)
    calibrating = min(CALIBRATING, count // _SHARE if gate else count) if calibrate else 0
    held_out = min(count - calibrating, gate.most) if gate else 0
    if gate and held_out < gate.least:
        need = -(-gate.least * _SHARE // (_SHARE - 1)) if calibrate else gate.least
        raise PicturesError(
            f"{pictures.place} has {count} different pictures, of which {held_out} are left to judge by; "
            f"give at least {need}, or set GATE=least={held_out} and trust it less"
        )
    return Split(_part(pictures, 0, calibrating), _part(pictures, calibrating, calibrating + held_out))


def _part(pictures: Pictures, start: int, end: int) -> Pictures:
    return Pictures(pictures.place, pictures.files[start:end], pictures.labels[start:end])


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not hidden and path.is_file():
            yield path
