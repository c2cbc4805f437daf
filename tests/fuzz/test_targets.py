"""A few seeded cases of every target, and those that once led to a fault. ``make fuzz`` tries many more."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest
from PIL import Image

from tests.fuzz.campaign import FOUND
from tests.fuzz.target import TARGETS, case_of, open_target
from tests.support import crafted

SEED = 20
# Some two seconds each.
CASES = {"form": 3000, "image": 200, "checkpoint": 60, "archive": 100}


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_made_up_inputs_are_read_or_refused(name: str, tmp_path: Path) -> None:
    target = open_target(name, tmp_path / "target")
    cases = [case_of(target, SEED, number) for number in range(CASES[name])]
    faults = {number: fault for number, fault in enumerate(target.faults(cases)) if fault}
    assert faults == {}


def test_frames_and_metadata_that_pillow_cannot_read_are_no_fault_of_the_handler(tmp_path: Path) -> None:
    """Pillow raises what it likes for a broken second frame or broken EXIF data behind the first, and takes no text
    whose end is broken."""
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    gif, png = (crafted.encode(frames[0], kind, save_all=True, append_images=frames[1:]) for kind in ("GIF", "PNG"))
    second = png.rindex(b"fcTL") - 4
    text = zlib.compress(b'tiff:Orientation="6"' + bytes(1 << 18))[:-4] + bytes(4)
    slope = crafted.encode(Image.linear_gradient("L"), "PNG")
    cases = [
        slope[:33] + crafted.png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + text) + slope[33:],
        gif.replace(b"!\xf9\4\1\0\0\1\0", b"!\xf9\1\1\0"),
        png[:second] + crafted.png_chunk(b"eXIf", b"MM\0*") + png[second:],
    ]
    assert open_target("image", tmp_path).faults(cases) == ["", "", ""]


def test_what_once_led_to_a_fault_does_so_no_more(tmp_path: Path) -> None:
    """The files that ``make fuzz`` wrote; their names begin with the target's."""
    for number, path in enumerate(sorted(FOUND.glob("*-*"))):
        target = open_target(path.name.partition("-")[0], tmp_path / str(number))
        assert target.faults([path.read_bytes()]) == [""], path.name
