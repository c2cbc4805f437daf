"""Decoding in a process of its own, for the few files whose structure does not tell what decoding takes.

These are lossless WebP pictures of more than 0.3 megapixels, run-length encoded bitmaps, JPEGs with arithmetic codes or
without loss, and AVIF pictures. The operating system limits the process's memory and processor time. It takes 0.1
seconds to start.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import json
import math
import resource
import struct
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

from image_decode import decode, too_slow
from image_error import ImageError
from image_limits import too_much
from image_resize import TRANSPOSE, shrink
from image_structure import Picture
from PIL import Image
from upright_picture import UprightPicture, working_picture

_NO_MEMORY, _NO_TIME, _DAMAGED = 3, 4, 5
# Seconds on the clock for each of processor time, on a machine that has other things to do.
_CLOCK_SECONDS: Final = 10
# Seconds of processor time for starting, and for what the limit of decoding does not count.
_START: Final = 2
_SIZES: Final = struct.Struct("<4I")


def decode_in_process(picture: Picture, max_memory: int, max_seconds: float, *, reduced: bool) -> bytes:
    """Decode, shrink and turn a picture: 224×224 pixels of 3 bytes, RGB.

    Raises ImageError (413) if it takes more than ``max_memory`` bytes or ``max_seconds``, ValueError if it is damaged.
    """
    return _run(picture, max_memory, max_seconds, reduced=reduced, whole=False)


def decode_whole_in_process(picture: Picture, max_memory: int, max_seconds: float) -> UprightPicture:
    """Decode and turn a picture, which may come with fewer pixels than it has. Raises as ``decode_in_process`` does."""
    answer = _run(picture, max_memory, max_seconds, reduced=False, whole=True)
    width, height, held_width, held_height = _SIZES.unpack_from(answer)
    image = Image.frombytes("RGB", (held_width, held_height), answer[_SIZES.size :])
    return UprightPicture(image, size=(width, height))


def _run(picture: Picture, max_memory: int, max_seconds: float, *, reduced: bool, whole: bool) -> bytes:
    job = json.dumps([asdict(picture) | {"content": ""}, max_memory, max_seconds, reduced, whole])
    command = [sys.executable, __file__, job]
    try:
        done = subprocess.run(
            command, input=picture.content, capture_output=True, timeout=_CLOCK_SECONDS * (max_seconds + _START)
        )
    except subprocess.TimeoutExpired:
        raise too_slow(picture, max_seconds) from None
    if done.returncode == _NO_MEMORY:
        raise too_much(picture, max_memory)
    if done.returncode == _NO_TIME or done.returncode < 0:
        raise too_slow(picture, max_seconds)
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


def main(argv: list[str]) -> int:
    """Do one job: its description is the only argument, the file is read from stdin, the pixels go to stdout."""
    description, max_memory, max_seconds, reduced, whole = json.loads(argv[0])
    content = sys.stdin.buffer.read()
    picture = Picture(**description | {"content": content, "size": tuple(description["size"])})
    if picture.format == "AVIF":
        importlib.import_module("PIL._avif")  # 5 MB that are not the picture's
    _limit(max_memory, max_seconds)
    error_number = _error_number()
    error_number.value = 0
    try:
        if picture.format == "AVIF":
            image, orientation = _decode_avif(picture)
        else:
            image, orientation = decode(picture, max_seconds, reduced=reduced), picture.orientation
        pixels = _whole(image, orientation) if whole else shrink(image, orientation, None).convert("RGB").tobytes()
    except ImageError:
        return _NO_TIME
    except Exception as error:
        # libwebp does not say why it failed, but malloc sets errno.
        short = isinstance(error, MemoryError) or error_number.value == errno.ENOMEM
        print(repr(error), file=sys.stderr)
        return _NO_MEMORY if short else _DAMAGED
    sys.stdout.buffer.write(pixels)
    return 0


def _whole(image: Image.Image, orientation: int) -> bytes:
    """The sizes of the upright picture and of what is held of it, then that: 3 bytes a pixel, RGB."""
    size = image.size[::-1] if orientation >= 5 else image.size
    held = working_picture(image)
    held = held.transpose(TRANSPOSE[orientation]) if orientation in TRANSPOSE else held
    return _SIZES.pack(*size, *held.size) + held.tobytes()


def _decode_avif(picture: Picture) -> tuple[Image.Image, int]:
    """The first frame, and the orientation that the file's boxes state: EXIF's does not count in an AVIF.

    By Pillow's decoder without its plugin, which copies the pixels once more and reads all of the metadata.
    """
    decoder = importlib.import_module("PIL._avif").AvifDecoder(picture.content, "auto", 1)
    size, _, mode, _, _, orientation, _ = decoder.get_info()
    if size[0] * size[1] > picture.pixels:
        raise ValueError(f"a picture of {size} pixels instead of {picture.size}")
    pixels, *_ = decoder.get_frame(0)
    return Image.frombuffer(mode, size, pixels, "raw", mode, 0, 1), orientation


def _limit(max_memory: int, max_seconds: float) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages * resource.getpagesize() + max_memory
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    seconds = math.ceil(max_seconds) + _START
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _error_number() -> ctypes.c_int:
    """The C library's errno of this thread."""
    location = ctypes.CDLL(None).__errno_location
    location.restype = ctypes.POINTER(ctypes.c_int)
    found: ctypes.c_int = location().contents
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
