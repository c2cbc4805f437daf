"""Small files that cost a decoder much: each is a valid picture, or close to one."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image

from tests.support.crafted import (
    bitmap_of_runs,
    encode,
    exif,
    gif_with,
    jpeg_segment,
    jpeg_with_exif,
    plain,
    png,
    png_chunk,
    png_with,
    scans,
    text_chunk,
    webp_of_chunks,
    webp_of_codes,
    webp_with,
)

# Files that are answered: what is dangerous about them is not needed for their pixels.
_HARMLESS: dict[str, Callable[[], bytes]] = {
    "jpeg-exif": lambda: jpeg_with_exif(exif(3000, 150_000)),
    "png-exif": lambda: png_with(png_chunk(b"eXIf", exif(5000, 300_000))),
    "webp-exif": lambda: webp_with(b"XMP ", bytes(2_000_000)),
    "png-ztxt": lambda: png_with(text_chunk(b"zTXt", 100_000_000)),
    "png-itxt": lambda: png_with(text_chunk(b"iTXt", 100_000_000)),
    "png-icc": lambda: png_with(png_chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(100_000_000), 9))),
    "jpeg-segments": lambda: b"\xff\xd8" + jpeg_segment(0xE2, b"x") * 15_000 + plain("JPEG")[2:],
    "jpeg-xmp": lambda: (
        b"\xff\xd8" + jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + bytes(65_000)) * 100 + plain("JPEG")[2:]
    ),
    "jpeg-50-megapixels": lambda: encode(Image.new("RGB", (8000, 6250), 77), "JPEG", quality=50),
    "png-rgba": lambda: png((4000, 3000), 8, 6, level=1),
    "png-grey-alpha": lambda: png((4000, 3000), 8, 4, level=1),
    "png-16-bit": lambda: png((4000, 3000), 16, 0, level=1),
    "png-palette": lambda: png((4000, 3000), 8, 3, level=1),
    "png-interlaced": lambda: png((4000, 3000), 1, 0, interlaced=True),
    "png-long-line": lambda: png((1_000_000, 2), 8, 2, level=1),
    "png-high": lambda: png((2, 1_000_000), 1, 0, level=1),
    "gif": lambda: encode(Image.new("P", (4000, 3000), 3), "GIF"),
    "bmp": lambda: plain("BMP", (2500, 1300)),
    "jpeg-cmyk": lambda: encode(Image.new("CMYK", (4000, 3000), 9), "JPEG", quality=30),
    "jpeg-progressive": lambda: plain("JPEG", (4000, 3000), progressive=True, subsampling=0),
    "webp": lambda: encode(Image.new("RGB", (4000, 3000), 9), "WEBP", quality=1, method=0),
    "webp-codes-vga": lambda: webp_of_codes(640, 480),
}

# Files that are refused with 413, with a message that begins so and names the remedy.
_REFUSED: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "png-chunks": (
        lambda: png_with(png_chunk(b"teSt") * 100_000),
        "The PNG image consists of more than 20000 blocks",
        "save it again without comments and metadata.",
    ),
    "png-data-chunks": (
        lambda: png_with(png_chunk(b"IDAT") * 100_000),
        "The PNG image consists of more than 20000 blocks",
        "save it again without comments and metadata.",
    ),
    "jpeg-segments": (
        lambda: b"\xff\xd8" + jpeg_segment(0xFE, b"") * 100_000 + plain("JPEG")[2:],
        "The JPEG image consists of more than 20000 blocks",
        "save it again without comments and metadata.",
    ),
    "jpeg-tables": (
        lambda: b"\xff\xd8" + jpeg_segment(0xDB, bytes(65)) * 10_000 + plain("JPEG")[2:],
        "The JPEG image has more than 262144 bytes of tables",
        "save it again.",
    ),
    "gif-comment": (
        lambda: gif_with(b"!\xfe" + b"\1x" * 500_000 + b"\0"),
        "The GIF image consists of more than 20000 blocks",
        "save it again without comments and metadata.",
    ),
    "webp-chunks": (
        lambda: webp_of_chunks(100_000),
        "The WebP image consists of more than 20000 blocks",
        "save it again without comments and metadata.",
    ),
    "jpeg-scans": (
        lambda: scans((640, 480), 1, 200),
        "The progressive JPEG image has 210 scans over ",
        "save it as a baseline JPEG.",
    ),
    "jpeg-scans-of-many-pixels": (
        lambda: scans((4000, 4000), 1, 60),
        "The progressive JPEG image has 70 scans over ",
        "save it as a baseline JPEG.",
    ),
    "jpeg-hidden-scans": (
        lambda: scans((640, 480), 1, 200, hidden=b"\xff\1\xff\xd0"),
        "The progressive JPEG image has 210 scans over ",
        "save it as a baseline JPEG.",
    ),
    "jpeg-progressive-49-megapixels": (
        lambda: plain("JPEG", (7000, 7000), progressive=True),
        "Decoding the progressive JPEG image of 7000 x 7000 pixels would take ",
        " MB of memory, the limit is 256 MB; send a smaller image, or save it as a baseline JPEG.",
    ),
    "webp-49-megapixels": (
        lambda: encode(Image.new("RGB", (7000, 7000), 9), "WEBP", quality=1, method=0),
        "Decoding the WebP image of 7000 x 7000 pixels would take ",
        " MB of memory, the limit is 256 MB; send a smaller image, or save it as a baseline JPEG.",
    ),
    "webp-codes": (
        lambda: webp_of_codes(1024, 1024),
        "Decoding the WebP image of 1024 x 1024 pixels takes more memory than it may",
        "the limit is 256 MB; send a smaller image, or save it as a baseline JPEG.",
    ),
    "png-long-line": (
        lambda: png((49_000_000, 1), 8, 6, level=1),
        "Decoding the PNG image of 49000000 x 1 pixels would take ",
        " MB of memory, the limit is 256 MB; send a smaller image, or save it as a baseline JPEG.",
    ),
    "bmp-runs": (
        lambda: bitmap_of_runs((7_000_000, 7), b"\0\2\xff\xff" * 10),
        "Decoding the BMP image of 7000000 x 7 pixels would take ",
        " MB of memory, the limit is 256 MB; send a smaller image, or save it as a baseline JPEG.",
    ),
    "bmp-ends-of-lines": (
        lambda: bitmap_of_runs((7000, 7000), b"\1\1\0\0" * 7000 + b"\0\1"),
        "Decoding the BMP image of 7000 x 7000 pixels takes more than 2 seconds of processor time",
        "send a smaller image, or save it as a baseline JPEG.",
    ),
}

# Several tests ask about the same file, and some take half a second to make.
HARMLESS = {name: cache(make) for name, make in _HARMLESS.items()}
REFUSED = {name: (cache(make), beginning, end) for name, (make, beginning, end) in _REFUSED.items()}
