"""Hostile pictures: what a client is told, and that they take neither memory nor time from others."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from face_image import ImageError, read_face
from PIL import Image

from scripts.precision import PREPROCESSINGS
from scripts.settings import ROOT
from tests.support import bombs, crafted

pytestmark = pytest.mark.slow

LIMIT = 256_000_000
# What is measured besides the picture: what the allocator kept for itself.
SLACK = 8_000_000

# Prints for each file the bytes that reading it took at most, and what came out.
CHILD = """
import json, sys
from pathlib import Path
import image_fast
from face_image import _EXAMINE, ImageError, _format, read_face
from PIL import Image
def peak():
    [line] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024
fast = sys.argv[1] == "fast"
if fast:
    image_fast.shrink(Image.new("RGB", (9, 9)), 1)  # the library itself is not the picture's
for path in map(Path, sys.argv[2:]):
    data = path.read_bytes()
    try:
        estimate = _EXAMINE[_format(data)](data).memory()
    except ImageError:
        estimate = 0
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    try:
        answer = [200, str(read_face(data, fast=fast).shape)]
    except ImageError as error:
        answer = [error.status, str(error)]
    print(json.dumps([path.name, peak() - before, estimate, *answer]), flush=True)
"""


class Reading(NamedTuple):
    """What reading a file took and gave: bytes at most, bytes as estimated before, status, message."""

    memory: int
    estimate: int
    status: int
    message: str


def write_all(folder: Path, makers: Mapping[str, Callable[[], bytes]]) -> list[Path]:
    for name, make in makers.items():
        (folder / name).write_bytes(make())
    return [folder / name for name in makers]


@pytest.fixture(scope="module")
def harmless(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_all(tmp_path_factory.mktemp("harmless"), bombs.HARMLESS)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_all(tmp_path_factory.mktemp("refused"), {name: make for name, (make, _, _) in bombs.REFUSED.items()})


def read_in_child(files: list[Path], preprocessing: str) -> dict[str, Reading]:
    """Read files in a process of its own, one after the other."""
    command = [sys.executable, "-c", CHILD, preprocessing, *map(str, files)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "handlers")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return {name: Reading(*rest) for name, *rest in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_pictures_are_answered_within_their_memory_whatever_comes_with_them(
    harmless: list[Path], preprocessing: str
) -> None:
    readings = read_in_child(harmless, preprocessing)
    assert {name: reading for name, reading in readings.items() if reading.status != 200} == {}
    assert {name: reading for name, reading in readings.items() if reading.memory > reading.estimate + SLACK} == {}
    assert {name: reading for name, reading in readings.items() if reading.estimate > LIMIT} == {}


@pytest.mark.parametrize("preprocessing", PREPROCESSINGS)
def test_pictures_over_a_limit_are_refused_without_taking_memory(refused: list[Path], preprocessing: str) -> None:
    readings = read_in_child(refused, preprocessing)
    assert {name: reading for name, reading in readings.items() if reading.status != 413} == {}
    assert {name: reading for name, reading in readings.items() if reading.memory > SLACK} == {}
    for name, (_, beginning, end) in bombs.REFUSED.items():
        assert readings[name].message.startswith(beginning), name
        assert readings[name].message.endswith(end), name


@pytest.mark.parametrize("name", ["jpeg-exif", "png-exif", "png-ztxt", "png-itxt", "png-icc", "jpeg-segments"])
def test_metadata_changes_no_pixel(name: str) -> None:
    image_format = name.split("-")[0].upper()
    assert np.array_equal(read_face(bombs.HARMLESS[name]()), read_face(crafted.plain(image_format)))


@pytest.mark.parametrize(
    ("image_format", "options"),
    [
        ("PNG", {"compress_level": 0}),
        ("JPEG", {"quality": 100}),
        ("JPEG", {"quality": 100, "progressive": True}),
        ("GIF", {}),
    ],
)
def test_decoding_is_cut_off_in_its_middle(
    monkeypatch: pytest.MonkeyPatch, image_format: str, options: dict[str, object]
) -> None:
    """The decoder gets as many blocks of the file as there is time for: here each takes a second."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 1000, 3), dtype=np.uint8)
    data = crafted.encode(Image.fromarray(noise), image_format, **options)
    looks: list[int] = []

    def clock() -> float:
        looks.append(len(looks))
        return len(looks)

    monkeypatch.setattr(time, "thread_time", clock)
    with pytest.raises(ImageError) as caught:
        read_face(data, max_seconds=4)
    assert (caught.value.status, len(looks)) == (413, 6)
    kind = "progressive JPEG" if "progressive" in options else image_format
    assert str(caught.value) == (
        f"Decoding the {kind} image of 1000 x 700 pixels takes more than 4 seconds of processor time; "
        "send a smaller image, or save it as a baseline JPEG."
    )
    assert read_face(data, max_seconds=1000).shape == (224, 224, 3)


def test_an_ordinary_progressive_jpeg_passes_with_its_memory_allowed() -> None:
    data = crafted.plain("JPEG", (8000, 6250), progressive=True, subsampling=0)
    with pytest.raises(ImageError, match=r"would take 5[0-9]{2} MB of memory, the limit is 256 MB"):
        read_face(data)
    assert read_face(data, max_memory=520_000_000, max_seconds=60).shape == (224, 224, 3)


@pytest.mark.parametrize("kept", [1.0, 0.6], ids=["whole", "truncated"])
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_pixels_are_freed_when_the_answer_is_there(image_format: str, kept: float) -> None:
    """Python looks for objects that refer to each other so rarely that gigabytes of pixels would wait for it."""
    data = crafted.plain(image_format, (640, 480))
    before = {id(image) for image in pictures_alive()}
    gc.disable()
    try:
        with contextlib.suppress(ImageError):
            read_face(data[: int(len(data) * kept)])
        assert not [image for image in pictures_alive() if id(image) not in before]
    finally:
        gc.enable()


def pictures_alive() -> list[Image.Image]:
    return [thing for thing in gc.get_objects() if issubclass(type(thing), Image.Image)]  # asks no object itself
