"""A JPEG's segments: those that its decoder needs, how large the picture is, how many scans go over it."""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Final

from image_error import too_large, unsupported
from image_exif import read_orientation
from image_structure import BlockCounter, Picture

_APP1: Final = 0xE1
_EXIF: Final = b"Exif\0\0"
_XMP: Final = b"http://ns.adobe.com/xap/1.0/\0"
_SOS: Final = 0xDA
_EOI: Final = 0xD9
_LS_FRAME: Final = 0xF7  # of JPEG-LS
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset((0xC2, 0xC6, 0xCA, 0xCE))
# Of arithmetic codes and of lossless frames, the length of the data says nothing of the time that they take.
_HUFFMAN: Final = frozenset((0xC0, 0xC1, 0xC2))
# Frames that build on others, and lossless ones with arithmetic codes.
_UNDECODED: Final = {
    **dict.fromkeys((0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical JPEG image"),
    0xCB: "lossless JPEG image with arithmetic codes",
}
_OTHER_BITS: Final = frozenset(range(2, 17)) - {8}
_REMEDY: Final = "save it as a baseline JPEG or as a PNG"
_NEEDED: Final = _FRAMES | {0xC4, 0xCC, 0xDB, 0xDD}  # with the tables
# What tells libjpeg how the colours are stored.
_COLOURS: Final = {0xE0: b"JFIF\0", 0xEE: b"Adobe"}
_WITHOUT_BODY: Final = frozenset((0x01, *range(0xD0, 0xDA)))
_RESERVED: Final = frozenset(range(0x02, 0xC0))
_MARKER: Final = re.compile(rb"\xff[\x01-\xfe]")
_MARKER_AFTER_SCAN: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
# Tables have a few hundred bytes, a thumbnail in JFIF's segment up to 64 kB.
_MAX_HEADER: Final = 256 << 10
_BLOCK: Final = 8 * 8
_COEFFICIENT_BYTES: Final = _BLOCK * 2
# What libjpeg keeps of some lines, for each pixel of the width.
_LINE_BYTES: Final = 128


@dataclass
class _Header:
    """What comes before the first scan: of ``count`` components, ``components`` has the 8×8 blocks by their id."""

    kept: list[bytes | bytearray] = field(default_factory=list)
    kept_bytes: int = 0
    exif: list[bytes | bytearray] = field(default_factory=list)
    xmp: bytes = b""
    frame: int = 0
    size: tuple[int, int] = (0, 0)
    count: int = 0
    components: dict[int, int] = field(default_factory=dict)

    def take(self, marker: int, segment: bytes | bytearray) -> None:
        """Keep, read or pass over a segment, which begins with its marker."""
        if marker in _FRAMES or marker == _LS_FRAME:
            self._read_frame(marker, segment)
        if marker in _NEEDED or (marker in _COLOURS and segment.startswith(_COLOURS[marker], 4)):
            self.kept.append(segment)
            self.kept_bytes += len(segment)
        elif marker == _APP1 and segment.startswith(_EXIF, 4):
            self.exif.append(segment[10:])
        elif marker == _APP1 and segment.startswith(_XMP, 4):
            self.xmp = bytes(segment[4 + len(_XMP) :])

    def _read_frame(self, marker: int, segment: bytes | bytearray) -> None:
        bits, height, width, count = struct.unpack_from(">BHHB", segment, 4)
        if len(segment) == 10 + 3 * count:  # else it is damaged
            _refuse_rare_kinds(marker, bits, height, count)
        if self.frame or bits != 8 or count not in (1, 3, 4) or not width or not height:
            raise ValueError("a frame that Pillow does not decode")
        self.frame, self.size, self.count = marker, (width, height), count
        sampling = [(segment[10 + 3 * i], *divmod(segment[11 + 3 * i], 16)) for i in range(count)]
        columns = -(-width // (8 * max(across for _, across, _ in sampling)))
        rows = -(-height // (8 * max(down for _, _, down in sampling)))
        for name, across, down in sampling:
            self.components[name] = self.components.get(name, 0) + columns * across * rows * down


def _refuse_rare_kinds(marker: int, bits: int, height: int, count: int) -> None:
    """Raises ImageError (415) for a frame that is whole, and that libjpeg does not decode."""
    if marker == _LS_FRAME:
        raise unsupported("a JPEG-LS image", _REMEDY)
    if marker in _UNDECODED:
        raise unsupported(f"a {_UNDECODED[marker]}", _REMEDY)
    if bits in _OTHER_BITS:
        raise unsupported(f"a JPEG image of {bits} bits per sample", f"{_REMEDY}, of 8 bits")
    if count == 2:
        raise unsupported("a JPEG image of 2 channels", _REMEDY)
    if not height:
        raise unsupported("a JPEG image whose height is not in its header (DNL)", _REMEDY)


def examine(data: bytes | bytearray) -> Picture:
    """The picture in a JPEG file.

    Raises ValueError, IndexError, ArithmeticError or struct.error if it is damaged, ImageError if it has too many
    segments (413) or is of a kind that is not decoded (415).
    """
    counter = BlockCounter("JPEG")
    header = _Header()
    marker, end = 0, 2
    while marker != _SOS:
        marker, start, end = _segment(data, end)
        counter.count()
        header.take(marker, data[start:end])
        if header.kept_bytes > _MAX_HEADER:
            raise too_large(f"The JPEG image has more than {_MAX_HEADER} bytes of tables; save it again.")
    if not header.frame:
        raise ValueError("a scan before the frame")
    scans, scan_pixels, coefficients = 1, 0, 0
    in_one_scan = data[start + 4] == header.count and header.frame not in _PROGRESSIVE
    if not in_one_scan:
        scans, scan_pixels = _count_scans(data, start, header, counter)
        coefficients = sum(header.components.values()) * _COEFFICIENT_BYTES
    return Picture(
        format="JPEG",
        kind="JPEG" if in_one_scan else "progressive JPEG",
        size=header.size,
        content=b"".join([b"\xff\xd8", *header.kept, memoryview(data)[start:]]),
        orientation=read_orientation(b"".join(header.exif), header.xmp),
        pixel_bytes=1 if header.count == 1 else 4,
        decoder_bytes=coefficients + header.size[0] * _LINE_BYTES,
        unbounded=header.frame not in _HUFFMAN,
        scans=scans,
        scan_pixels=scan_pixels,
    )


def _segment(data: bytes | bytearray, position: int) -> tuple[int, int, int]:
    """The marker of the next segment, its beginning and its end. Raises ValueError if there is none."""
    found = _MARKER.search(data, position)
    if not found:
        raise ValueError("the file ends before the picture")
    start = found.start()
    marker = data[start + 1]
    if marker in _WITHOUT_BODY:
        return marker, start, start + 2
    length = max(2, int.from_bytes(data[start + 2 : start + 4], "big"))  # less is no error to a comment's reader
    if marker in _RESERVED or start + 2 + length > len(data):
        raise ValueError(f"a segment {marker:02x} of {length} bytes")
    return marker, start, start + 2 + length


def _count_scans(data: bytes | bytearray, end: int, header: _Header, counter: BlockCounter) -> tuple[int, int]:
    """How many scans there are from ``end`` on, and how many pixels they go over, component by component.

    Passes over all that libjpeg may pass over, so that no scan hides behind it.
    """
    scans = blocks = 0
    while found := _MARKER_AFTER_SCAN.search(data, end):
        counter.count()
        start, marker = found.start(), data[found.end() - 1]
        if marker == _EOI:
            break
        end = start + 2
        if marker in _WITHOUT_BODY or marker in _RESERVED:
            continue
        end += max(2, int.from_bytes(data[end : end + 2], "big"))
        if marker == _SOS:
            scans += 1
            names = data[start + 5 : end : 2][: data[start + 4]]
            blocks += sum(header.components.get(name, 0) for name in names)
    return scans, _BLOCK * blocks
