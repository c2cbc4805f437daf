"""Image bytes to the array the networks were trained on: 224×224 pixels, RGB, one byte a channel."""

from __future__ import annotations

import io
import logging
import warnings
from concurrent.futures import Executor
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, PngImagePlugin
from PIL import WebPImagePlugin as _WebPImagePlugin  # noqa: F401 - registers a format that preinit leaves out

SIZE: Final = 224
DEFAULT_MAX_PIXELS: Final = 50_000_000
ACCEPTED: Final = "JPEG, PNG, WebP, BMP or GIF"

_TRANSPOSE: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BMP_HEADER_SIZES: Final = frozenset((12, 16, 40, 52, 56, 64, 108, 124))
# Formats that people send by mistake, told by what follows the first bytes of an ISO media file or by these themselves.
_KNOWN_OTHERS: Final = (
    (0, b"%PDF", "a PDF"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0*", "a TIFF image"),
    (4, b"ftypavif", "an AVIF image"),
    (4, b"ftyphei", "a HEIC image"),
    (4, b"ftypmif1", "a HEIC image"),
    (0, b"<svg", "an SVG drawing"),
    (0, b"version https://git-lfs", "a Git LFS pointer"),
)
# Pixels from which on shrinking an image takes longer than waking another thread.
_WORTH_HELP: Final = 100_000
_SIXTEEN_TO_EIGHT_BITS: Final = ((np.arange(65536, dtype=np.uint32) + 128) // 257).astype(np.uint8)

logger = logging.getLogger(__name__)

Image.preinit()
# The limit here is max_pixels, checked before decoding, and answered as such.
Image.MAX_IMAGE_PIXELS = None
# Pillow refuses a PNG for more than 1 MiB of unpacked comment; the comment's total stays bounded by MAX_TEXT_MEMORY.
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY
# What Pillow thinks of broken metadata is no news for the log of a service.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


class ImageError(Exception):
    """An upload that cannot be used.

    ``str(error)`` is a sentence for the client, ``status`` the HTTP status, ``kind`` one of ``empty``,
    ``unsupported``, ``damaged`` and ``too_large``.
    """

    def __init__(self, kind: str, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.status = status


def read_face(
    data: bytes | bytearray,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    helper: Executor | None = None,
    *,
    reduced: bool = False,
) -> npt.NDArray[np.uint8]:
    """Decode the first frame of an image file and shrink it to what the networks take.

    Returns uint8 of shape (224, 224, 3), RGB: bit for bit torchvision's ``Resize((224, 224))`` on the PIL
    image after ``exif_transpose`` and ``convert("RGB")``. 16-bit grey is scaled to 8 bits. A ``helper`` shrinks the
    lower half of a large image while the caller shrinks the upper one. ``reduced`` lets libjpeg decode a large JPEG at
    a half, a quarter or an eighth of its size, but no smaller than 448×448: several times faster, and other bytes.
    Raises ImageError: 400 for no data or a damaged file, 413 for more than ``max_pixels``, 415 for another format.
    """
    if not data:
        raise ImageError("empty", 400, f"The image is empty (0 bytes); send a {ACCEPTED} file.")
    image_format = _format(data)
    try:
        image: Image.Image = Image.open(io.BytesIO(data), formats=(image_format,))
        _check_pixels(image.size, max_pixels)
        if reduced:
            image.draft(None, (2 * SIZE, 2 * SIZE))
        image.load()
        return np.asarray(_resize(_to_8_bits(image), _orientation(image), helper).convert("RGB"))
    except (ImageError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise whatever a broken file leads them to
        logger.debug("Pillow cannot decode a %s image of %d bytes: %s", image_format, len(data), error)
        raise ImageError(
            "damaged",
            400,
            f"The {image_format} image ({len(data)} bytes) is damaged or truncated; send the complete file.",
        ) from error


def _format(data: bytes | bytearray) -> str:
    """Pillow's name of the format, by the file's first bytes only."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WEBP"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    # Two letters are too few to tell a bitmap from a text: the size of the second header tells.
    if data.startswith(b"BM") and int.from_bytes(data[14:18], "little") in _BMP_HEADER_SIZES:
        return "BMP"
    raise ImageError("unsupported", 415, f"The file is {_description(data)}; send a {ACCEPTED} file.")


def _description(data: bytes | bytearray) -> str:
    for offset, signature, name in _KNOWN_OTHERS:
        if data[offset:].startswith(signature):
            return f"{name}, which is not accepted"
    return f"no image of an accepted format (it begins with the bytes {data[:8].hex(' ')})"


def _check_pixels(size: tuple[int, int], max_pixels: int) -> None:
    width, height = size
    if width * height > max_pixels:
        raise ImageError(
            "too_large",
            413,
            f"The image has {width} x {height} = {width * height} pixels, the limit is {max_pixels}; "
            "send a smaller image.",
        )


def _to_8_bits(image: Image.Image) -> Image.Image:
    """The image as RGB, or as L where all three channels would be the same."""
    if image.mode.startswith("I"):
        return Image.fromarray(_SIXTEEN_TO_EIGHT_BITS[np.asarray(image).clip(0, 65535)])
    if image.mode in ("RGB", "L"):
        return image
    image.info.pop("transparency", None)  # dropped by the conversion anyway, with a warning
    return image.convert("L" if image.mode in ("1", "LA") else "RGB")


def _orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 if there is none or it cannot be read, since the pixels are good all the same."""
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
        return value if value in _TRANSPOSE else 1
    except Exception as error:
        logger.debug("unreadable EXIF data: %s", error)
        return 1


def _resize(image: Image.Image, orientation: int, helper: Executor | None) -> Image.Image:
    """Shrink first and turn afterwards: the same bytes as the other way round, without turning a large image.

    Pillow resizes the width first, then the height, and rounds in between. Of an image that lies on its side the
    height is the later width, and has to come first; but for images a hundred times as high as wide,
    where Pillow itself takes the height first.
    """
    width, height = image.size
    if orientation >= 5 and not width > max(100 * height, SIZE):
        image = image.resize((width, SIZE), Image.Resampling.BILINEAR)
    elif helper is not None and width * height >= _WORTH_HELP and not height > max(100 * width, SIZE):
        image = _shrink_width(image, helper)
    image = image.resize((SIZE, SIZE), Image.Resampling.BILINEAR)
    return image.transpose(_TRANSPOSE[orientation]) if orientation in _TRANSPOSE else image


def _shrink_width(image: Image.Image, helper: Executor) -> Image.Image:
    """Pillow's first pass alone, in which no row depends on another."""
    height = image.height
    middle = height // 2
    lower = helper.submit(_shrink_rows, image, middle, height)
    shrunk = Image.new(image.mode, (SIZE, height))
    shrunk.paste(_shrink_rows(image, 0, middle), (0, 0))
    shrunk.paste(lower.result(), (0, middle))
    return shrunk


def _shrink_rows(image: Image.Image, top: int, bottom: int) -> Image.Image:
    rows = image.crop((0, top, image.width, bottom))
    return rows.resize((SIZE, bottom - top), Image.Resampling.BILINEAR)
