"""Files of no accepted format: the refusal names what was sent."""

from __future__ import annotations

import base64
import gzip
import io
import json
import quopri
import random
import zipfile

import pytest
from image_others import describe

from tests.handlers.pictures import ACCEPTED, encode, picture, refusal

JPEG = encode(picture(), "JPEG")
PNG = encode(picture())
WEBP = encode(picture(), "WEBP")


def ftyp(first: bytes, *others: bytes) -> bytes:
    """The beginning of an ISO media file of these brands."""
    body = first + bytes(4) + b"".join(others)
    return (len(body) + 8).to_bytes(4, "big") + b"ftyp" + body + b"\0\0\1\0meta" + bytes(300)


def zipped(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, JPEG)
    return buffer.getvalue()


BINARY = {
    "PDF": (encode(picture(), "PDF"), "a PDF"),
    "TIFF": (encode(picture(), "TIFF"), "a TIFF image"),
    "TIFF, the highest byte first": (b"MM\0*" + bytes(99), "a TIFF image"),
    "BigTIFF": (encode(picture(), "TIFF", big_tiff=True), "a TIFF image"),
    "JPEG 2000": (encode(picture(), "JPEG2000"), "a JPEG 2000 image"),
    "JPEG 2000 without a container": (encode(picture(), "JPEG2000", no_jp2=True), "a JPEG 2000 image"),
    "JPEG XL": (b"\xff\x0a\xfa\x1f" + bytes(99), "a JPEG XL image"),
    "JPEG XL in a container": (b"\0\0\0\x0cJXL \r\n\x87\n" + ftyp(b"jxl "), "a JPEG XL image"),
    "PSD": (b"8BPS\0\1" + bytes(99), "a Photoshop document (PSD)"),
    "ICO": (encode(picture(), "ICO"), "an icon (ICO)"),
    "CUR": (b"\0\0\2\0\1\0" + bytes(99), "a cursor (CUR)"),
    "TGA": (encode(picture(), "TGA"), "a TGA image"),
    "TGA, packed": (encode(picture(), "TGA", compression="tga_rle"), "a TGA image"),
    "PPM": (encode(picture(), "PPM"), "a Netpbm image (PBM, PGM, PPM)"),
    "PGM with a comment": (b"P2 # made by hand\n2 2\n255\n0 0 0 0\n", "a Netpbm image (PBM, PGM, PPM)"),
    "DDS": (encode(picture(), "DDS"), "a DDS texture"),
    "DIB": (encode(picture(), "DIB"), "a bitmap without its file header (DIB)"),
    "DICOM": (bytes(128) + b"DICM" + bytes(99), "a DICOM image"),
    "EPS": (encode(picture(), "EPS"), "a PostScript document"),
    "NumPy": (b"\x93NUMPY\1\0" + bytes(99), "a NumPy array"),
    "AVIF": (encode(picture(), "AVIF"), "an AVIF image"),
    "AVIF, animated": (ftyp(b"avis", b"msf1", b"miaf"), "an AVIF image"),
    "AVIF, first a container": (ftyp(b"mif1", b"miaf", b"avif", b"heic"), "an AVIF image"),
    **{f"HEIC, {brand}": (ftyp(brand.encode(), b"mif1"), "a HEIC image") for brand in ("heic", "heix", "heim", "heis")},
    **{f"HEIC, {brand}": (ftyp(brand.encode(), b"msf1"), "a HEIC image") for brand in ("hevc", "hevx", "hevm", "hevs")},
    "HEIC, first a container": (ftyp(b"mif1", b"mif1", b"heic"), "a HEIC image"),
    "HEIC, a sequence in a container": (ftyp(b"msf1", b"msf1", b"hevc"), "a HEIC image"),
    "HEIF of another codec": (ftyp(b"mif1", b"mif1"), "a HEIF image"),
    "Canon": (ftyp(b"crx ", b"isom"), "a raw image of a Canon camera"),
    **{f"MP4, {brand}": (ftyp(brand.encode(), b"isom"), "an MP4 video") for brand in ("isom", "mp42", "avc1", "iso5")},
    "MOV": (ftyp(b"qt  "), "a QuickTime video"),
    "MOV of old": (b"\0\0\0\x20moov" + bytes(99), "a QuickTime video"),
    "WebM": (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x84webm" + bytes(99), "a WebM video"),
    "Matroska": (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\x82\x88matroska" + bytes(99), "a Matroska video"),
    "AVI": (b"RIFF\x10\0\0\0AVI LIST" + bytes(99), "an AVI video"),
    "WMV": (bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(99), "a Windows Media video or sound (WMV, WMA)"),
    "WAV": (b"RIFF\x10\0\0\0WAVEfmt " + bytes(99), "a WAV sound"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4c\nsize 1\n", "a Git LFS pointer"),
}
TEXTS = {
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" width="9"/>', "an SVG drawing"),
    "SVG after a prolog": (b'<?xml version="1.0"?>\n<!-- made by hand -->\n<svg width="9"/>', "an SVG drawing"),
    "SVG after a byte order mark": (b'\xef\xbb\xbf<?xml version="1.0"?><svg width="9"/>', "an SVG drawing"),
    "SVG in UTF-16": ('\ufeff<?xml version="1.0"?><svg width="9"/>'.encode("utf-16-le"), "an SVG drawing"),
    "SVG after its type": (b"<!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN'>\n<svg/>", "an SVG drawing"),
    "SVG after a style sheet": (b'<?xml version="1.0"?><?xml-stylesheet href="a.css"?><svg/>', "an SVG drawing"),
    "SVG with a prefix": (b"<?xml version='1.0'?>\r\n<svg:svg xmlns:svg='x'/>", "an SVG drawing"),
    "SVG that holds HTML": (b"<svg><foreignObject><div>x</div></foreignObject></svg>", "an SVG drawing"),
    "HTML": (b"\n<!DOCTYPE html><html><body><img src='face.jpg'></body></html>", "an HTML page"),
    "HTML that holds SVG": (b"<!-- x --><html><body><svg></svg></body></html>", "an HTML page"),
    "XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "an XML document"),
    "JSON": (json.dumps({"image": "/9j/4AAQ"}, indent=1).encode(), "JSON"),
    "JSON of the bytes": (json.dumps(list(JPEG)).encode(), "JSON"),
}
ENCODED = {
    "a data URL": (b"data:image/jpeg;base64," + base64.b64encode(JPEG), "the text of a data URL"),
    "a data URL in quotes": (b'"data:image/png;base64,' + base64.b64encode(PNG) + b'"', "the text of a data URL"),
    "BMP in Base64": (base64.b64encode(encode(picture(), "BMP")), "the text of a BMP image in Base64"),
    "HEIC in Base64": (base64.b64encode(ftyp(b"mif1", b"heic")), "the text of a HEIC image in Base64"),
    "JPEG in Base64": (base64.b64encode(JPEG), "the text of a JPEG image in Base64"),
    "PNG in Base64, in lines": (base64.encodebytes(PNG), "the text of a PNG image in Base64"),
    "JPEG in Base64 for URLs": (base64.urlsafe_b64encode(JPEG), "the text of a JPEG image in Base64"),
    "JPEG in Base64 in quotes": (b'"' + base64.b64encode(JPEG) + b'"', "the text of a JPEG image in Base64"),
    "JPEG in quoted-printable": (quopri.encodestring(JPEG), "the text of a JPEG image in quoted-printable"),
    "WebP in Base64": (base64.b64encode(WEBP), "the text of a WebP image in Base64"),
    "JPEG in digits": (JPEG.hex().encode(), "the text of a JPEG image in hexadecimal digits"),
    "PNG in digits of SQL": (b"0x" + PNG.hex().upper().encode(), "the text of a PNG image in hexadecimal digits"),
}
PACKED = {
    "ZIP": (zipped("face.jpg"), "a ZIP archive"),
    "gzip": (gzip.compress(JPEG, mtime=0), "a gzip file"),
    "7-Zip": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(99), "a 7-Zip archive"),
}


@pytest.mark.parametrize(("data", "what"), (BINARY | TEXTS).values(), ids=(BINARY | TEXTS).keys())
def test_the_refusal_names_what_was_sent(data: bytes, what: str) -> None:
    assert refusal(data) == ("unsupported", 415, f"The file is {what}, which is not accepted; {ACCEPTED}")


@pytest.mark.parametrize(("data", "what"), ENCODED.values(), ids=ENCODED.keys())
def test_an_encoded_image_is_to_be_decoded(data: bytes, what: str) -> None:
    assert refusal(data)[2] == f"The file is {what}, which is not accepted; decode it, and {ACCEPTED}"


@pytest.mark.parametrize(("data", "what"), PACKED.values(), ids=PACKED.keys())
def test_a_packed_image_is_to_be_unpacked(data: bytes, what: str) -> None:
    assert refusal(data)[2] == f"The file is {what}, which is not accepted; unpack it, and {ACCEPTED}"


@pytest.mark.parametrize("address", ["https://example.org/face.jpg", "blob:http://localhost/1f", "file:///home/a.jpg"])
def test_an_address_is_no_file(address: str) -> None:
    message = refusal(address.encode())[2]
    assert message.startswith(
        "The file is the address of a file, not the file, which is not accepted; load it yourself"
    )


def test_a_form_in_the_form_is_told() -> None:
    form = b'--x\r\nContent-Type: image/jpeg\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + JPEG
    assert refusal(form)[2].startswith("The file is a form inside the form, which is not accepted; ")


@pytest.mark.parametrize(
    "data",
    [
        JPEG.decode("utf-8", "replace").encode(),
        JPEG.decode("latin-1").encode(),
        PNG.decode("utf-8", "replace").encode(),
        PNG.decode("latin-1").encode(),
        PNG.replace(b"\r\n", b"\n"),
    ],
    ids=["JPEG by UTF-8", "JPEG by Latin-1", "PNG by UTF-8", "PNG by Latin-1", "line breaks of a PNG"],
)
def test_an_image_that_was_converted_as_a_text_is_told(data: bytes) -> None:
    message = refusal(data)[2]
    assert message.startswith("The file is an image that was changed on its way, as if it was a text; ")


@pytest.mark.parametrize(
    ("before", "image", "name"),
    [(b" ", JPEG, "a JPEG"), (b"\r\n", PNG, "a PNG"), (bytes(128), WEBP, "a WebP"), (b"\0\0\x0b\x1d", JPEG, "a JPEG")],
)
def test_what_stands_before_an_image_is_told(before: bytes, image: bytes, name: str) -> None:
    message = refusal(before + image)[2]
    assert message.startswith(
        f"The file is {name} image only from byte {len(before)} on; leave out what is before, and "
    )


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"hello world", "but a text (it begins with 'hello world')"),
        (b"[object Blob]", "but a text (it begins with '[object Blob]')"),
        (
            b"BMW is a car maker, and this is no bitmap at all",
            "but a text (it begins with 'BMW is a car maker, and this",
        ),
        (bytes(5000), "(it begins with 4096 zeros)"),
        (b"\0", "(it begins with 1 zeros)"),
        (b"\xde\xad\xbe\xef\1\2\3\4\5", "(it begins with the bytes de ad be ef 01 02 03 04)"),
        ("größe".encode(), "(it begins with the bytes 67 72 c3 b6 c3 9f 65)"),
    ],
)
def test_anything_else_is_described_by_its_beginning(data: bytes, what: str) -> None:
    message = refusal(data)[2]
    assert message.startswith("The file is no image of an accepted format ")
    assert what in message


def test_blanks_are_no_image() -> None:
    assert refusal(b" \r\n \n")[2] == f"The file is no image but blanks; {ACCEPTED}"


def test_whatever_a_file_begins_with_is_described() -> None:
    noise = random.Random(8)
    whole = [data for data, _ in [*BINARY.values(), *TEXTS.values(), *ENCODED.values(), *PACKED.values()]]
    for _ in range(5000):
        first, second = noise.choices(whole, k=2)
        data = first[: noise.randrange(40)] + noise.randbytes(noise.randrange(4)) + second[noise.randrange(40) :]
        kind, remedy = describe(data[: noise.choice((1, 9, 99, 9999))])
        assert kind.isprintable()
        assert remedy.isprintable()


def test_no_file_takes_long_to_describe() -> None:
    """Patterns are only matched against the beginning."""
    for piece in (b"<", b"<!--", b"{", b"[", b"--a\r\n", b"A", b"0", b"P6 ", b"#\n", b"\xff\xd8", b"http:/", b"\t"):
        kind, _ = describe(piece * 3_000_000)
        assert kind
