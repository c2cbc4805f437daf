"""A folder of labelled pictures: ``DATA/{label}/*.jpg``, as the three datasets have it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.evaluation import EvaluationError
from scripts.files import sha256
from scripts.labels import is_emotion, match

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})
_PARTS = frozenset({"test", "train", "val", "validation"})


@dataclass(frozen=True)
class Picture:
    """A file; ``name`` is its path below DATA, ``label`` the model's own word, ``digest`` its SHA-256."""

    path: Path
    name: str
    label: str
    digest: str


@dataclass(frozen=True)
class Data:
    """What a folder holds for a model.

    ``meanings`` has the model's label of each folder, ``left_out`` the number of pictures in folders that match none,
    ``others`` the files that are no pictures by their names, ``unreadable`` why a picture's file cannot be read.
    """

    folder: Path
    pictures: tuple[Picture, ...]
    meanings: dict[str, str]
    left_out: dict[str, int]
    others: tuple[str, ...]
    unreadable: dict[str, str]

    @property
    def name(self) -> str:
        """The folder's name, with the one above it where it only says which part of a dataset it is."""
        folder = self.folder.resolve()
        return f"{folder.parent.name}/{folder.name}" if folder.name.lower() in _PARTS else folder.name

    @property
    def digest(self) -> str:
        """SHA-256 over the lines ``{name} {SHA-256}`` of the pictures, sorted by name."""
        lines = "".join(f"{picture.name} {picture.digest}\n" for picture in self.pictures)
        return hashlib.sha256(lines.encode()).hexdigest()


def read_data(folder: Path, labels: Sequence[str]) -> Data:
    """Find the pictures of ``folder`` and digest them. Raises EvaluationError when there is none for these labels."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        raise EvaluationError(f"{folder}: cannot be read ({error.strerror}); give a folder DATA/LABEL/*.jpg") from error
    meanings = match(names, labels)
    pictures: list[Picture] = []
    others: list[str] = []
    unreadable: dict[str, str] = {}
    for name in meanings:
        for path in files_below(folder / name):
            relative = path.relative_to(folder).as_posix()
            if path.suffix.lower() not in SUFFIXES:
                others.append(relative)
                continue
            try:
                pictures.append(Picture(path, relative, meanings[name], sha256(path)))
            except OSError as error:
                unreadable[relative] = f"cannot be read ({error.strerror})"
    if not pictures:
        raise EvaluationError(_nothing_found(folder, names, labels))
    left_out = {name: len(pictures_below(folder / name)) for name in names if name not in meanings}
    return Data(
        folder,
        tuple(sorted(pictures, key=lambda picture: picture.name)),
        meanings,
        {name: count for name, count in left_out.items() if count},
        tuple(others),
        unreadable,
    )


def pictures_below(folder: Path) -> list[Path]:
    """Every file below ``folder`` that is a picture by its name."""
    return [path for path in files_below(folder) if path.suffix.lower() in SUFFIXES]


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below ``folder`` that is not hidden, sorted."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            yield path


def has_labels(folder: Path) -> bool:
    """Whether the folders in ``folder`` are named like emotions."""
    return folder.is_dir() and any(entry.is_dir() and is_emotion(entry.name) for entry in folder.iterdir())


def training_beside(folder: Path) -> Path | None:
    """The folder ``train`` beside a test folder, as FER2013 and RAF-DB are handed out."""
    beside = folder.resolve().parent / "train"
    return beside if has_labels(beside) and beside != folder.resolve() else None


def _nothing_found(folder: Path, names: Sequence[str], labels: Sequence[str]) -> str:
    """Why no picture was found, and what to give instead."""
    inner = [name for name in names if has_labels(folder / name)]
    if inner:
        return f"{folder}: the labels are one folder deeper; give {folder / inner[0]} instead"
    known = ", ".join(labels)
    if match(names, labels):
        return f"{folder}: its folders hold no pictures ({', '.join(sorted(SUFFIXES))})"
    found = f"its folders are {', '.join(names)}" if names else "it has no folders"
    return f"{folder}: {found}; expected folders named like the model's labels: {known}"
