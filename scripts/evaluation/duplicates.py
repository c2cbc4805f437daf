"""Pictures that show nearly the same: a perceptual hash finds candidates, a comparison of the pixels decides."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.fft import dctn

_SIDE = 32  # pixels of the grey picture that is looked at
_LOW = 8  # frequencies a direction, of which 64 bits are made
_BITS = 6  # that may differ between candidates
_ALIKE = 0.985  # correlation of the grey pictures of two that are nearly the same
_ROWS = 256  # compared with all others at a time

Thumb = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Look:
    """What a set of pictures looks like: 64 bits each [n], and grey values of mean 0 and length 1 [n, 1024]."""

    hashes: npt.NDArray[np.uint64]
    pixels: Thumb
    places: npt.NDArray[np.int64]  # of the pictures that could be decoded, in the list they came from


def look_at(paths: Sequence[Path]) -> Look:
    """Look at files; those that Pillow cannot decode, or that show one grey, are passed over."""
    seen = [(place, grey) for place, path in enumerate(paths) if (grey := _grey(path)) is not None]
    if not seen:
        return Look(np.zeros(0, np.uint64), np.zeros((0, _SIDE * _SIDE), np.float32), np.zeros(0, np.int64))
    greys = np.stack([grey for _, grey in seen])
    flat = (greys - greys.mean(axis=(1, 2), keepdims=True)).reshape(len(greys), -1)
    pixels = (flat / np.linalg.norm(flat, axis=1, keepdims=True)).astype(np.float32)
    return Look(_hashes(greys), pixels, np.array([place for place, _ in seen]))


def pairs_within(look: Look) -> list[tuple[int, int]]:
    """The places of pictures that are nearly the same, the smaller first."""
    return [(one, other) for one, other in pairs_between(look, look) if one < other]


def pairs_between(first: Look, second: Look) -> list[tuple[int, int]]:
    """The places in the first and the second list of pictures that are nearly the same."""
    found: list[tuple[int, int]] = []
    for start in range(0, len(first.hashes), _ROWS):
        differing = np.bitwise_count(first.hashes[start : start + _ROWS, None] ^ second.hashes[None])
        ones, others = np.nonzero(differing <= _BITS)
        ones += start
        alike = np.einsum("ij,ij->i", first.pixels[ones], second.pixels[others]) >= _ALIKE
        pairs = zip(first.places[ones[alike]].tolist(), second.places[others[alike]].tolist(), strict=True)
        found.extend(pairs)
    return found


def _hashes(greys: Thumb) -> npt.NDArray[np.uint64]:
    """Whether each low frequency is above the median of its picture, as 64 bits [n]."""
    low = dctn(greys, axes=(1, 2), norm="ortho")[:, :_LOW, :_LOW].reshape(len(greys), -1)
    bits = low > np.median(low[:, 1:], axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def _grey(path: Path) -> Thumb | None:
    """Grey values [32, 32] of a picture, None when it cannot be decoded or shows nothing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                image.draft("L", (4 * _SIDE, 4 * _SIDE))
                small = image.convert("L").resize((_SIDE, _SIDE), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None
    grey = np.asarray(small, np.float32)
    return grey if grey.std() > 1 else None
