"""AVIF images, where EXTRA_FORMATS accepts them: decoded in a process of their own, within the limits."""

from __future__ import annotations

import random
import struct
import sys
import time

import numpy as np
import pytest
from decoding_options import decoding_options
from face_image import ImageError, read_face
from image_avif import examine
from PIL import Image

from tests.handlers.pictures import encode, picture, reference, refusal, with_orientation

AVIF = encode(picture(), "AVIF")


def avif_refusal(data: bytes, **limits: float) -> tuple[str, int, str]:
    with pytest.raises(ImageError) as caught:
        read_face(data, avif=True, **limits)  # type: ignore[arg-type]
    return caught.value.kind, caught.value.status, str(caught.value)


def with_stated_size(data: bytes, side: int) -> bytes:
    place = data.index(b"ispe") + 8
    return data[:place] + side.to_bytes(4, "big") * 2 + data[place + 8 :]


@pytest.mark.parametrize("size", [(1, 1), (64, 48), (640, 480), (333, 301), (3, 1000), (1000, 3)])
def test_every_size_gives_exactly_torchvisions_pixels(size: tuple[int, int]) -> None:
    data = encode(picture(*size), "AVIF", speed=10)
    assert np.array_equal(read_face(data, avif=True), reference(data))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_counts(orientation: int) -> None:
    data = with_orientation(picture(90, 60), orientation, "AVIF")
    assert np.array_equal(read_face(data, avif=True), reference(data))


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_every_mode_equals_pillows_conversion(mode: str) -> None:
    data = encode(picture(90, 60, mode), "AVIF")
    assert np.array_equal(read_face(data, avif=True), reference(data))


def test_an_animation_is_its_first_frame() -> None:
    frames = [picture(seed=seed) for seed in range(3)]
    data = encode(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert np.array_equal(read_face(data, avif=True), reference(data))


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.99])
def test_a_truncated_image_is_refused(kept: float) -> None:
    part = AVIF[: int(len(AVIF) * kept)]
    message = f"The AVIF image ({len(part)} bytes) is damaged or truncated; send the complete file."
    assert avif_refusal(part) == ("damaged", 400, message)


def test_the_pixel_limit_is_checked_before_anything_is_decoded() -> None:
    huge = with_stated_size(AVIF, 200_000)
    assert avif_refusal(huge)[:2] == ("too_large", 413)
    assert examine(huge).size == (200_000, 200_000)


def test_a_size_that_is_stated_wrong_counts_as_for_pillow() -> None:
    """libavif scales what it decoded."""
    data = with_stated_size(encode(picture(640, 480), "AVIF", speed=10), 8)
    assert np.array_equal(read_face(data, avif=True), reference(data))


def test_memory_is_limited_whatever_size_is_stated() -> None:
    data = with_stated_size(encode(Image.new("RGB", (2000, 2000)), "AVIF", speed=10), 8)
    assert read_face(data, avif=True).shape == (224, 224, 3)
    kind, status, message = avif_refusal(data, max_memory=8_000_000)
    assert (kind, status) == ("too_large", 413)
    assert message.startswith("Decoding the AVIF image of 8 x 8 pixels takes more memory than it may")


def test_endless_boxes_are_refused() -> None:
    start = time.process_time()
    kind, status, _ = avif_refusal(AVIF[:32] + b"\0\0\0\x08free" * 500_000)
    assert (kind, status) == ("too_large", 413)
    assert time.process_time() - start < 5


def test_a_box_that_contains_nothing_does_not_loop() -> None:
    assert avif_refusal(AVIF[:32] + bytes(4) + b"free")[:2] == ("damaged", 400)
    assert avif_refusal(AVIF[:32] + b"\0\0\0\1free" + bytes(8))[:2] == ("damaged", 400)


def test_a_broken_file_has_a_size_or_is_damaged() -> None:
    noise = random.Random(9)
    sizes = 0
    for _ in range(5000):
        data = bytearray(AVIF[:400])
        for _ in range(noise.randint(1, 4)):
            data[noise.randrange(len(data))] = noise.choice((0, 1, 8, 255, noise.randrange(256)))
        try:
            sizes += examine(data[: noise.choice((60, 200, 400))]).pixels > 0
        except (ValueError, struct.error):
            continue
    assert 0 < sizes < 5000


def test_the_decoder_is_never_loaded_into_the_worker() -> None:
    loaded = "PIL._avif" in sys.modules
    read_face(AVIF, avif=True)
    assert ("PIL._avif" in sys.modules) == loaded


def test_without_the_setting_avif_is_refused_and_with_it_named() -> None:
    assert refusal(AVIF)[1] == 415
    accepted = "send a JPEG, PNG, WebP, BMP, GIF or AVIF file."
    assert avif_refusal(b"hello")[2].endswith(accepted)
    assert avif_refusal(b"")[2].endswith(accepted)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    assert avif_refusal(heic)[2] == f"The file is a HEIC image, which is not accepted; {accepted}"


@pytest.mark.parametrize(("text", "avif"), [("none", False), ("avif", True)])
def test_the_setting_is_read(text: str, avif: bool) -> None:
    assert decoding_options({"EXTRA_FORMATS": text})["avif"] is avif
    assert decoding_options({})["avif"] is False


def test_another_value_of_the_setting_is_named() -> None:
    with pytest.raises(ValueError, match=r"^EXTRA_FORMATS='heic' is unknown; set none or avif$"):
        decoding_options({"EXTRA_FORMATS": "heic"})
