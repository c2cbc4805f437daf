"""The answer to an image depends on its file alone: not on a helper, and not on what is wrong with another file."""

from __future__ import annotations

import random
import struct
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from face_image import ImageError, read_face
from PIL import Image

from tests.handlers.exif import ORIENTATION, SHORT, picture, reference, tiff
from tests.support import crafted


@pytest.mark.parametrize(
    "size",
    [
        (100_000, 1),
        (150_001, 1),
        (1, 100_000),
        (70_000, 3),
        (3, 70_000),
        (640, 480),
        (333, 1801),
        (1500, 800),
        (5, 224),
        (224, 900),
    ],
)
@pytest.mark.parametrize("mode", ["RGB", "L", "1", "LA", "P", "RGBA", "I;16"])
def test_the_answer_does_not_depend_on_a_helper(mode: str, size: tuple[int, int]) -> None:
    """Alone in a batch, a picture is divided among two threads; with others it is not."""
    image = picture(size, mode)
    with ThreadPoolExecutor(1) as helper:
        for orientation in (1, 2, 6, 7):
            exif = Image.Exif()
            exif[ORIENTATION] = orientation
            data = crafted.encode(image, "PNG", exif=exif, compress_level=1)
            expected = reference(data)
            assert np.array_equal(read_face(data), expected)
            assert np.array_equal(read_face(data, helper=helper), expected)


@pytest.mark.parametrize("size", [(60_000, 1), (1, 60_000), (640, 480), (333, 1801)])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_answer_to_four_inks_does_not_depend_on_a_helper(orientation: int, size: tuple[int, int]) -> None:
    exif = tiff("<", (ORIENTATION, SHORT, 1, bytes((orientation,))))
    data = crafted.encode(picture(size, "CMYK"), "JPEG", exif=exif)
    with ThreadPoolExecutor(1) as helper:
        assert np.array_equal(read_face(data, helper=helper), reference(data))
    assert np.array_equal(read_face(data), reference(data))


# Around its frame, a canvas has the transparent colour.
GIF = crafted.encode(picture((40, 30), "P"), "GIF", comment=b"a comment", transparency=2)
SAMPLES: dict[str, bytes] = {
    "jpeg": crafted.encode(picture((40, 30)), "JPEG", comment=b"a comment", icc_profile=bytes(200)),
    "jpeg-progressive": crafted.encode(picture((40, 30)), "JPEG", progressive=True),
    "jpeg-cmyk": crafted.encode(picture((40, 30), "CMYK"), "JPEG"),
    "png": crafted.encode(picture((40, 30)), "PNG", dpi=(72, 72), icc_profile=bytes(200)),
    "png-palette": crafted.encode(picture((40, 30), "P"), "PNG", transparency=3),
    "png-16-bit": crafted.encode(picture((40, 30), "I;16"), "PNG"),
    "png-animated": crafted.encode(picture((40, 30)), "PNG", save_all=True, append_images=[picture((40, 30), seed=1)]),
    "gif": GIF,
    "gif-on-a-canvas": GIF[:6] + struct.pack("<HH", 60, 50) + GIF[10:],
    "gif-animated": crafted.encode(
        picture((40, 30), "P"), "GIF", save_all=True, append_images=[picture((40, 30), "P", 1)], loop=0, disposal=2
    ),
    "webp": crafted.encode(picture((40, 30)), "WEBP", exif=tiff("<", (ORIENTATION, SHORT, 1, b"\6"))),
    "webp-lossless": crafted.encode(picture((40, 30), "RGBA"), "WEBP", lossless=True),
    "webp-alpha": crafted.encode(picture((40, 30), "RGBA"), "WEBP", xmp=b"<x/>"),
    "webp-animated": crafted.encode(
        picture((40, 30)), "WEBP", save_all=True, append_images=[picture((40, 30), seed=1)]
    ),
    "bmp": crafted.encode(picture((40, 30)), "BMP"),
    "bmp-palette": crafted.encode(picture((40, 30), "P"), "BMP"),
    "bmp-runs": crafted.bitmap_of_runs((40, 30), (b"\x28\5\0\0" * 30) + b"\0\1"),
}


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES.keys())
def test_a_whole_file_gives_pillows_pixels(data: bytes) -> None:
    assert np.array_equal(read_face(data), reference(data))


def mutated(data: bytes, rng: random.Random) -> bytes:
    """A file with its structure changed: bytes of its headers, pieces cut out, doubled, swapped or put in."""
    changed = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        start = rng.randrange(len(changed))
        end = min(len(changed), start + rng.randrange(1, 60))
        match rng.randrange(6):
            case 0 | 1:
                changed[rng.randrange(min(len(changed), 300))] = rng.choice(
                    (0, 1, 2, 127, 128, 254, 255, rng.randrange(256))
                )
            case 2:
                del changed[start:end]
            case 3:
                changed[start:start] = changed[start:end] * rng.randrange(1, 5)
            case 4:
                changed[start:end] = rng.randbytes(end - start)
            case 5:
                changed[start:start] = rng.choice(
                    (b"\xff\xd8", b"\xff\xda", b"\xff\xe1\0\4", b"!\xfe", bytes(9), b"IDAT")
                )
        if len(changed) < 20:
            return bytes(changed)
    return bytes(changed)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_no_change_of_a_file_leads_to_another_error(name: str) -> None:
    rng = random.Random(name)
    statuses = set()
    for _ in range(10 if name == "bmp-runs" else 150):  # each of these takes a process
        data = mutated(SAMPLES[name], rng)
        try:
            assert read_face(data, max_pixels=4_000_000, max_seconds=5).shape == (224, 224, 3)
            statuses.add(200)
        except ImageError as error:
            statuses.add(error.status)
    assert statuses <= {200, 400, 413, 415}
    assert len(statuses) > 1
