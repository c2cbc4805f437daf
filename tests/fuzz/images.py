"""Image files, read by the handler and compared with Pillow's and torchvision's own way."""

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from random import Random

import face_image
import image_png
import numpy as np
import numpy.typing as npt
from face_image import ImageError, read_face
from image_resize import _SIXTEEN_TO_EIGHT_BITS
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile

from tests.fuzz.pictures import RARE, changed, extra_blocks, open_picture, seeds

# Limits below those of the service, so that a case near them costs little.
PIXELS, MEMORY, SECONDS = 1_000_000, 64_000_000, 0.5
# What the limits leave out: shrinking, and a process of its own that starts.
_MORE_SECONDS = 2.5
# What is measured besides the picture: what the allocator kept for itself.
_SLACK = 12_000_000
_STATUS = {"empty": 400, "damaged": 400, "unsupported": 415, "too_large": 413}


class Images:
    """``handlers/face_image.py``: pixels that equal Pillow's, or an error that says why, within the limits."""

    batch = 1

    def __init__(self, folder: Path) -> None:
        self._seeds = seeds()

    def make(self, noise: Random) -> bytes:
        image_format = noise.choice(list(self._seeds))
        files = self._seeds[image_format]
        rare = image_format in RARE and noise.random() < 0.01
        data = noise.choice(RARE[image_format] if rare else files)
        others = extra_blocks(image_format)
        if noise.random() < 0.02:
            other = noise.choice([file for several in self._seeds.values() for file in several])
            return data[: noise.randrange(len(data))] + other[noise.randrange(len(other)) :]
        return changed(noise, image_format, data, others)

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [_fault(case) for case in cases]


def _fault(data: bytes) -> str:
    Path("/proc/self/clear_refs").write_text("5")
    before, start = _peak(), _seconds()
    face, error = None, None
    try:
        face = read_face(data, PIXELS, max_memory=MEMORY, max_seconds=SECONDS)
    except ImageError as refusal:
        error = refusal
    except BaseException as stranger:
        return f"raises {type(stranger).__name__}: {stranger}"
    seconds, memory = _seconds() - start, _peak() - before
    if seconds > SECONDS + _MORE_SECONDS:
        return f"slow: {seconds:.1f} s of processor time, {error or 'read'}"
    allowed = _estimate(data) + _SLACK
    if memory > allowed:
        return f"memory: {memory} bytes instead of {allowed}, {error or 'read'}"
    if error:
        return _fault_of_error(error, data)
    assert face is not None
    return _fault_of_pixels(face, data)


def _fault_of_error(error: ImageError, data: bytes) -> str:
    if _STATUS.get(error.kind) != error.status or not str(error).endswith("."):
        return f"another kind of error: {error.kind} {error.status} {error}"
    image = open_picture(data, PIXELS) if error.kind == "damaged" else None
    if image and image.format in face_image._EXAMINE and not _is_generous(data):
        return f"refuses a {image.format} that Pillow decodes: {error} {error.__cause__!r}"
    return ""


def _is_generous(data: bytes) -> bool:
    """Whether Pillow takes what the handler refuses on purpose.

    A PNG's header of another length, the last of several headers, a frame for the default image, an animation that ends
    in a later frame; a WebP's second frame for a broken first one.
    """
    if data.startswith(b"RIFF"):
        return data.count(b"ANMF") > 1
    generous = data[8:12] != b"\0\0\0\x0d" or data.count(b"IHDR") > 1 or b"fcTL" in data
    return data.startswith(b"\x89PNG") and generous


def _fault_of_pixels(face: npt.NDArray[np.uint8], data: bytes) -> str:
    if face.dtype != np.uint8 or face.shape != (224, 224, 3):
        return f"no array of a face: {face.dtype} {face.shape}"
    image = open_picture(data, PIXELS)
    if image is None:
        return ""
    differing = int((face != _reference(image, _orientation(image, data))).any(axis=2).sum())
    return f"other pixels of a {image.format} {image.mode} than Pillow's: {differing}" if differing else ""


def _orientation(image: Image.Image, data: bytes) -> int:
    """EXIF's number. What Pillow cannot read leaves the picture as it is."""
    if isinstance(image, PngImageFile) and (image.is_animated or _has_long_text(data)):
        return face_image._EXAMINE["PNG"](data).orientation  # only one of the two reads what holds it
    try:
        orientation = image.getexif().get(0x0112, 1)
    except Exception:
        return 1
    return int(orientation) if orientation in range(1, 9) else 1


def _has_long_text(data: bytes) -> bool:
    """Whether the handler unpacks only the beginning of a text: Pillow takes none of it if its end is broken."""
    return any(len(text) == image_png._MAX_TEXT for text in image_png._chunks(data)[1].values())


def _reference(image: Image.Image, orientation: int) -> npt.NDArray[np.uint8]:
    """Upright, RGB, bilinear."""
    if image.mode.startswith("I"):
        image = Image.fromarray(_SIXTEEN_TO_EIGHT_BITS[np.asarray(image).clip(0, 65535)])
    plain = image.copy()
    plain.info.clear()
    plain.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(plain).convert("RGB")
    return np.asarray(upright.resize((224, 224), Image.Resampling.BILINEAR))


def _estimate(data: bytes) -> int:
    """What the file's structure says of the memory."""
    try:
        return min(MEMORY, face_image._EXAMINE[face_image._format(data)](data).memory())
    except Exception:
        return 0


def _seconds() -> float:
    """Processor time of this process and of those it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak() -> int:
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
