"""What the structure of an image file tells before anything of it is decoded.

Each format has a module whose ``examine`` walks over the file once, by the lengths that it states, and returns a
Picture: the bytes that the pixels need, without comments, profiles and thumbnails, and what decoding them takes. Left
to Pillow, 240 kB of such data took 1.3 GB, and a GIF with 2 MB of it nine seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from image_error import too_large

SIZE: Final = 224
# A picture that has to be converted or divided is taken in strips of so many pixels, or of a single line.
STRIP: Final = 1 << 19
# Segments, chunks or extensions of a file; no encoder writes that many.
MAX_BLOCKS: Final = 20_000
# Palettes, tables and buffers of the decoders.
_FIXED: Final = 4 << 20
# Strips at work: cut out, converted, shrunk; in two threads.
_STRIP_BYTES: Final = 2 * 12


@dataclass(frozen=True)
class Picture:
    """An image file, before it is decoded."""

    format: str  # Pillow's name of it
    kind: str  # its name in messages
    size: tuple[int, int]  # pixels, before the picture is turned
    content: bytes  # what the pixels need of the file
    orientation: int = 1  # as EXIF has it, 1 to 8
    pixel_bytes: int = 4  # of a decoded pixel in Pillow
    decoder_bytes: int = 0  # what the decoder takes for itself, at most
    scans: int = 1
    scan_pixels: int = 0  # what the scans of a JPEG go over, all together
    unbounded: bool = False  # nothing in the file bounds the memory or the time that decoding takes

    @property
    def pixels(self) -> int:
        """Width times height."""
        return self.size[0] * self.size[1]

    def memory(self, scale: int = 1) -> int:
        """Bytes that decoding and shrinking take at most, when it is decoded at a ``scale``-th of its size."""
        width, height = (-(-side // scale) for side in self.size)
        long, short = max(width, height), min(width, height)
        stored = height * (width * self.pixel_bytes + 8)  # Pillow keeps a pointer to each line
        strips = _STRIP_BYTES * min(max(STRIP, long), width * height)
        # What the first pass leaves: it shrinks a side that is at least a hundredth of the other.
        narrowed = 2 * min(long, max(100 * short, SIZE)) * (SIZE * 4 + 8)
        weights = 16 * (width + height)
        return _FIXED + stored + max(self.decoder_bytes, strips + narrowed + weights) + len(self.content)


class BlockCounter:
    """Counts the blocks of a file."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._left = MAX_BLOCKS

    def count(self) -> None:
        """One more. Raises ImageError (413) after MAX_BLOCKS."""
        self._left -= 1
        if self._left < 0:
            raise too_large(
                f"The {self._kind} image consists of more than {MAX_BLOCKS} blocks; "
                "save it again without comments and metadata."
            )
