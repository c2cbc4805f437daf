"""What a file is that is no image of an accepted format: told by its first bytes, for the message to its sender."""

from __future__ import annotations

import binascii
import re
from typing import Final

# As much of a file as is looked at.
_HEAD: Final = 4096
_DECODE: Final = "decode it, and "
_UNPACK: Final = "unpack it, and "

# (offset, first bytes, what it is), the longer ones first where they begin alike.
_SIGNATURES: Final = (
    (0, b"%PDF", "a PDF"),
    (0, b"MM\0*", "a TIFF image"),
    (0, b"II*\0", "a TIFF image"),
    (0, b"MM\0+", "a TIFF image"),
    (0, b"II+\0", "a TIFF image"),
    (0, b"IIRO", "a raw image of an Olympus camera"),
    (0, b"IIU\0", "a raw image of a Panasonic camera"),
    (0, b"FUJIFILMCCD-RAW", "a raw image of a Fujifilm camera"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (0, b"\xff\x0a", "a JPEG XL image"),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "a JPEG 2000 image"),
    (0, b"\xff\x4f\xff\x51", "a JPEG 2000 image"),
    (0, b"II\xbc\1", "a JPEG XR image"),
    (0, b"8BPS", "a Photoshop document (PSD)"),
    (0, b"gimp xcf", "a GIMP image (XCF)"),
    (0, b"\0\0\1\0", "an icon (ICO)"),
    *((0, b"\0\0" + kind + bytes(5), "a TGA image") for kind in (b"\2", b"\3", b"\n", b"\x0b")),
    (0, b"\0\0\2\0", "a cursor (CUR)"),
    (0, b"icns", "an icon of macOS (ICNS)"),
    (0, b"\x8aMNG\r\n\x1a\n", "an MNG animation"),
    (0, b"\x8bJNG\r\n\x1a\n", "a JNG image"),
    (0, b"DDS ", "a DDS texture"),
    (0, b"v/1\1", "an OpenEXR image"),
    (0, b"#?RADIANCE", "a Radiance HDR image"),
    (0, b"qoif", "a QOI image"),
    (0, b"BPG\xfb", "a BPG image"),
    (0, b"%!PS", "a PostScript document"),
    (0, b"\xc5\xd0\xd3\xc6", "a PostScript document"),
    (40, b" EMF", "a Windows metafile (EMF)"),
    (0, b"\xd7\xcd\xc6\x9a", "a Windows metafile (WMF)"),
    (128, b"DICM", "a DICOM image"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a WAV sound"),
    (0, b"FLV\1", "a Flash video"),
    (0, b"\0\0\1\xba", "an MPEG video"),
    (0, b"\0\0\1\xb3", "an MPEG video"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "a Windows Media video or sound (WMV, WMA)"),
    (0, b"OggS", "an Ogg sound or video"),
    (0, b"ID3", "an MP3 sound"),
    (0, b"version https://git-lfs", "a Git LFS pointer"),
    (0, b"\x93NUMPY", "a NumPy array"),
    (0, b"SQLite format 3\0", "an SQLite database"),
    (0, b"\x7fELF", "a program"),
    (0, b"MZ\x90\0", "a program"),
)
_PACKED: Final = (
    (b"PK\3\4", "a ZIP archive"),
    (b"PK\5\6", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"Rar!\x1a\7", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\xfd7zXZ\0", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard file"),
)
# By the brands of an ISO media file; where the first one says only what kind of container it is, another one decides.
# https://mp4ra.org/registered-types/brands
_HEIC: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"MiHB", b"MiHE"))
_AVIF: Final = frozenset((b"avif", b"avis", b"avio", b"MA1A", b"MA1B"))
_BRANDS: Final = (
    (_AVIF, "an AVIF image"),
    (_HEIC, "a HEIC image"),
    (frozenset((b"j2ki", b"j2is")), "a JPEG 2000 image"),
    (frozenset((b"crx ",)), "a raw image of a Canon camera"),
    (frozenset((b"mif1", b"mif2", b"msf1", b"miaf", b"1pic")), "a HEIF image"),
    (frozenset((b"qt  ",)), "a QuickTime video"),
    (frozenset((b"M4A ", b"M4B ")), "an MPEG-4 sound"),
)
_CONTAINERS: Final = frozenset((b"mif1", b"mif2", b"msf1", b"miaf", b"1pic"))
_QUICKTIME: Final = frozenset((b"moov", b"mdat", b"wide", b"pnot"))
# What accepted files begin with.
_IMAGE: Final = re.compile(rb"(\xff\xd8\xff)|(\x89PNG\r\n\x1a\n)|(GIF8[79]a)|(RIFF.{4}WEBP)", re.DOTALL)
_IMAGE_NAMES: Final = ("", "a JPEG image", "a PNG image", "a GIF image", "a WebP image")
# The same, read as text by UTF-8 or Latin-1 and written again, or with other line breaks.
_READ_AS_TEXT: Final = (
    b"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
    b"\xef\xbf\xbdPNG",
    b"\xc3\xbf\xc3\x98\xc3\xbf",
    b"\xc2\x89PNG",
    b"\x89PNG",
)
_XML: Final = re.compile(rb"\s*(?:<\?xml|<!--|<!DOCTYPE|<!ENTITY|<[A-Za-z])", re.IGNORECASE)
_SVG: Final = re.compile(rb"<!DOCTYPE\s+svg\b|<(?:\w+:)?svg[\s>/]", re.IGNORECASE)
_HTML: Final = re.compile(rb"<!DOCTYPE\s+html\b|<(?:html|head|body|img|div|script|title|meta)[\s>/]", re.IGNORECASE)
_BASE64: Final = re.compile(rb"(?:[A-Za-z0-9+/]{4}){4,16}")
_NETPBM: Final = re.compile(rb"P[1-7]\s+(?:#[^\n]*\n\s*)*(?:\d|WIDTH)")
_JSON: Final = re.compile(rb'\{\s*["}]|\[\s*[-{\["\d\]]')
_HEX: Final = re.compile(rb"(?:0x)?((?:[0-9A-Fa-f]{2}){8,})")
_ADDRESS: Final = re.compile(rb"(?:https?|blob|file|content|ftp)://?\S+|blob:\S+", re.IGNORECASE)
_NESTED_FORM: Final = re.compile(rb"--\S+\r?\n(?:[^\r\n]+\r?\n)*?content-disposition:", re.IGNORECASE)
_MARKS: Final = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_SHOWN: Final = 40  # characters of a text
_PRINTABLE: Final = re.compile(rb"[\x20-\x7e\t\r\n]+")


def is_avif(data: bytes | bytearray) -> bool:
    """Whether a file says that it is an AVIF image."""
    return data[4:8] == b"ftyp" and _by_brands(bytes(data[:_HEAD])) == "an AVIF image"


def describe(data: bytes | bytearray) -> tuple[str, str]:
    """What a file is, as in "The file is …", and what its sender is to do before "send a … file"."""
    head = bytes(data[:_HEAD])
    known = _by_signature(head)
    if known:
        return f"{known}, which is not accepted", ""
    packed = next((name for start, name in _PACKED if head.startswith(start)), "")
    if packed:
        return f"{packed}, which is not accepted", _UNPACK
    if head.startswith(_READ_AS_TEXT):
        return "an image that was changed on its way, as if it was a text", "let nothing convert it, and "
    return _by_text(_without_mark(head).strip()) or _by_bytes(head)


def _by_bytes(head: bytes) -> tuple[str, str]:
    if not head.strip(b"\0"):
        return f"no image of an accepted format (it begins with {len(head)} zeros)", ""
    later = _IMAGE.search(head)
    if later:
        return f"{_image(later)} only from byte {later.start()} on", "leave out what is before, and "
    return f"no image of an accepted format (it begins with the bytes {head[:8].hex(' ')})", ""


def _by_signature(head: bytes) -> str:
    if head[4:8] == b"ftyp":
        return _by_brands(head)
    if head[4:8] in _QUICKTIME:
        return "a QuickTime video"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "a WebM video" if b"webm" in head[:64] else "a Matroska video"
    if head.startswith(b"\x28\0\0\0") and head[12:14] == b"\1\0":
        return "a bitmap without its file header (DIB)"
    return next((name for offset, start, name in _SIGNATURES if head.startswith(start, offset)), "")


def _by_brands(head: bytes) -> str:
    """An ISO media file: https://www.iso.org/standard/83102.html"""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    first, others = head[8:12], {head[place : place + 4] for place in range(16, end - 3, 4)}
    brands = others | {first} if first in _CONTAINERS else {first}
    return next((name for known, name in _BRANDS if brands & known), "an MP4 video")


def _without_mark(head: bytes) -> bytes:
    """The text of a file in ASCII as far as possible, without its byte order mark."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return head[len(mark) :].decode(encoding, "ignore").encode("ascii", "replace")
    return head


def _by_text(text: bytes) -> tuple[str, str] | None:
    """What a text is; None if it is none."""
    if not text:
        return "no image but blanks", ""
    kind, remedy = _kind_of_text(text)
    if kind:
        return f"{kind}, which is not accepted", remedy
    if not _PRINTABLE.fullmatch(text[:_SHOWN]):
        return None
    shown = text[:_SHOWN].decode("ascii") + ("…" if len(text) > _SHOWN else "")
    return f"no image of an accepted format but a text (it begins with {shown!r})", ""


def _kind_of_text(text: bytes) -> tuple[str, str]:
    if text.lstrip(b"\"'")[:5].lower() == b"data:":
        return "the text of a data URL", _DECODE
    encoded = _encoded(text)
    if encoded:
        return f"the text of {encoded}", _DECODE
    if _NESTED_FORM.match(text):
        return "a form inside the form", "let the client library build the form, and "
    if _ADDRESS.match(text):
        return "the address of a file, not the file", "load it yourself, and "
    if _XML.match(text):
        return _markup(text), ""
    if _NETPBM.match(text):
        return "a Netpbm image (PBM, PGM, PPM)", ""
    return ("JSON", "") if _JSON.match(text) else ("", "")


def _markup(text: bytes) -> str:
    svg, html = _SVG.search(text), _HTML.search(text)
    if svg and not (html and html.start() < svg.start()):
        return "an SVG drawing"
    return "an HTML page" if html else "an XML document"


def _encoded(text: bytes) -> str:
    """The image that a text stands for in Base64, in hexadecimal digits or as quoted-printable; "" if it does not."""
    digits = _HEX.match(text)
    found = digits and _IMAGE.match(binascii.unhexlify(digits[1][:32]))
    if found:
        return f"{_image(found)} in hexadecimal digits"
    found = _IMAGE.match(binascii.a2b_qp(text[:99])) if text.startswith(b"=") else None
    if found:
        return f"{_image(found)} in quoted-printable"
    letters = text.translate(bytes.maketrans(b"-_", b"+/"), b"\r\n\"'")
    run = _BASE64.match(letters)
    name = _image_name(binascii.a2b_base64(run[0])) if run else ""
    return f"{name} in Base64" if name else ""


def _image_name(start: bytes) -> str:
    """The image that begins so; "" if it is none that is known."""
    found = _IMAGE.match(start)
    if found:
        return _image(found)
    if start[4:8] == b"ftyp":
        return _by_brands(start)
    return "a BMP image" if start.startswith(b"BM") and start[6:10] == bytes(4) else ""  # four reserved bytes


def _image(found: re.Match[bytes]) -> str:
    return _IMAGE_NAMES[found.lastindex or 0]
