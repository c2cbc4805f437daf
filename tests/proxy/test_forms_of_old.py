"""Forms are read as the backend of old read them: Starlette, with python-multipart."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator

import pytest
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from tests.proxy.modules import Call, Modules

MODEL = b"VGG19_CK+48"
DATA = b"\xff\xd8\r\n--\r\n.\x00\xff"


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Modules:
    logging.getLogger("python_multipart").setLevel(logging.CRITICAL)
    return Modules(tmp_path_factory.mktemp("modules"))


async def _parsed(content_type: str, body: bytes) -> dict[str, bytes] | None:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        form = await MultiPartParser(Headers({"Content-Type": content_type}), stream()).parse()
    except MultiPartException:
        return None
    fields = {}
    for name, value in form.multi_items():
        if name in fields:
            return None
        fields[name] = await value.read() if isinstance(value, UploadFile) else value.encode()
    await form.close()
    return fields


def by_starlette(content_type: str, body: bytes) -> dict[str, bytes] | None:
    """The fields; None for what it refuses, and for a name that appears twice."""
    return asyncio.run(_parsed(content_type, body))


def form(boundary: str, disposition: str = 'form-data; name="file"; filename="a.jpg"', more: str = "") -> bytes:
    """A form of two fields; the first one's header is as given."""
    first = f"--{boundary}\r\nContent-Disposition: {disposition}\r\n{more}\r\n".encode() + DATA
    second = f'\r\n--{boundary}\r\nContent-Disposition: form-data; name="model"\r\n\r\n'.encode() + MODEL
    return first + second + f"\r\n--{boundary}--\r\n".encode()


TYPES = {
    "plain": ("multipart/form-data; boundary=B", "B"),
    "71 characters": (f"multipart/form-data; boundary={'b' * 71}", "b" * 71),
    "256 characters": (f"multipart/form-data; boundary={'b' * 256}", "b" * 256),
    "a decoy in quotes": ('multipart/form-data; x="; boundary=evil"; boundary=B', "B"),
    "an escaped quote": ('multipart/form-data; x="\\"; boundary=evil"; boundary=B', "B"),
    "two boundaries": ("multipart/form-data; boundary=A; boundary=B", "B"),
    "quotes": ('multipart/form-data; boundary="a;b\\"c\\\\d"', 'a;b"c\\d'),
    "one quote": ('multipart/form-data; boundary="B', '"B'),
    "simple quotes": ("multipart/form-data; boundary='B'", "'B'"),
    "blanks in it": ("multipart/form-data; boundary=a b", "a b"),
    "a blank behind it": ('multipart/form-data; boundary="B "', "B "),
    "a comma behind it": ("multipart/form-data; boundary=B,", "B,"),
    "blanks around": ("multipart/form-data ; boundary = B", "B"),
    "nothing behind it": ("multipart/form-data; boundary=B;", "B"),
    "nothing before it": ("multipart/form-data;; boundary=B", "B"),
    "a charset": ("multipart/form-data; charset=utf-8; boundary=B", "B"),
    "capitals": ("Multipart/Form-Data; BOUNDARY=B", "B"),
    "an equals sign": ("multipart/form-data; boundary==B=", "=B="),
}
NO_TYPES = ["multipart/form-data, boundary=B", "multipart/form-data boundary=B", "multipart/form-data; boundary*=B"]
DISPOSITIONS = {
    "attachment": 'attachment; name="file"; filename="a.jpg"',
    "inline": "inline; name=file; filename=a.jpg",
    "no blanks": 'form-data;name="file";filename="a.jpg"',
    "blanks": 'form-data ; name = "file" ; filename = "a.jpg" ',
    "capitals": 'Form-Data; NAME="file"; FileName="a.jpg"',
    "names in two ways": "form-data; name=\"file\"; filename=\"a\"; filename*=utf-8''b; name*=utf-8''other",
    "two names": "form-data; name=other; name=file; filename=a",
    "semicolons": 'form-data; filename="a; name=b; c"; name="file"',
    "quotes": 'form-data; filename="a\\"; name=\\"b"; name="file"',
    "backslashes": 'form-data; name="file"; filename="C:\\a\\b.jpg"',
    "a backslash at the end": 'form-data; name="file"; filename="C:\\a\\"',
    "escapes in the name": 'form-data; name="f\\"i\\\\l\\e"; filename="a"',
    "simple quotes": "form-data; name='file'; filename='a'",
    "one quote": 'form-data; filename=a; name="file',
    "beyond ASCII": 'form-data; name="größe"; filename="ü.jpg"',
    "percents": 'form-data; name="fi%6Ce"; filename="a"',
}
MORE = {
    "a length": f"Content-Length: {len(DATA)}\r\n",
    "base64": "Content-Transfer-Encoding: base64\r\n",
    "quoted-printable": "Content-Transfer-Encoding: quoted-printable\r\n",
    "a charset": "Content-Type: text/plain; charset=utf-16\r\n",
}
WHOLE = form("B")
ENDS = {
    "no line's end": WHOLE[:-2],
    "a line feed": WHOLE[:-2] + b"\n",
    "an epilogue": WHOLE + b"epilogue",
    "more in the last line": WHOLE[:-2] + b"more",
    "blanks": WHOLE[:-2] + b" \t \r\n",
    "an empty line before": b"\r\n" + WHOLE,
    "a preamble": b"\r\npreamble\r\n" + WHOLE,
    "blanks behind a boundary": WHOLE.replace(b"\xff\r\n--B\r\n", b"\xff\r\n--B \t\r\n"),
    "almost a boundary": WHOLE.replace(b"\xff\r\n--B", b"\r\n--Bx\r\n--\r\n--B-\r\n--b\r\n--B"),
    "no part": b"--B--\r\n",
}


@pytest.mark.parametrize(("content_type", "boundary"), TYPES.values(), ids=TYPES.keys())
def test_the_boundary_is_found_where_starlette_finds_it(modules: Modules, content_type: str, boundary: str) -> None:
    assert_alike(modules, content_type, form(boundary))


@pytest.mark.parametrize("content_type", NO_TYPES)
def test_what_starlette_takes_for_no_form_is_none(modules: Modules, content_type: str) -> None:
    assert by_starlette(content_type, WHOLE) is None
    (result,) = modules.call([Call("predict/form.js", "parse", (content_type, WHOLE))])
    assert result.returned["failure"]["status"] == 400
    assert "multipart/form-data" in result.returned["failure"]["message"]


@pytest.mark.parametrize("disposition", DISPOSITIONS.values(), ids=DISPOSITIONS.keys())
def test_the_name_is_what_starlette_reads(modules: Modules, disposition: str) -> None:
    assert_alike(modules, "multipart/form-data; boundary=B", form("B", disposition))


@pytest.mark.parametrize("more", MORE.values(), ids=MORE.keys())
def test_further_headers_of_a_part_do_not_matter(modules: Modules, more: str) -> None:
    assert_alike(modules, "multipart/form-data; boundary=B", form("B", more=more))


@pytest.mark.parametrize("body", ENDS.values(), ids=ENDS.keys())
def test_a_form_ends_where_starlette_ends_it(modules: Modules, body: bytes) -> None:
    assert_alike(modules, "multipart/form-data; boundary=B", body)


def assert_alike(modules: Modules, content_type: str, body: bytes) -> None:
    expected = by_starlette(content_type, body)
    assert expected is not None
    (result,) = modules.call([Call("predict/form.js", "parse", (content_type, body))])
    assert result.returned == {"fields": expected}


def test_forms_put_together_by_chance_are_read_alike(modules: Modules) -> None:
    noise = random.Random(7)
    given = []
    for _ in range(1500):
        content_type, boundary = noise.choice(list(TYPES.values()))
        more = "".join(noise.sample(list(MORE.values()), noise.randrange(3)))
        body = form(boundary, noise.choice(list(DISPOSITIONS.values())), more)
        given.append((content_type, body[: -noise.choice([2, 0]) or None] + noise.choice([b"", b"\r\nepilogue"])))
    results = modules.call([Call("predict/form.js", "parse", case) for case in given])
    for case, result in zip(given, results, strict=True):
        assert result.returned == {"fields": by_starlette(*case)}, case


@pytest.mark.parametrize("data", [b"a\r\n-----x\r\nb", b"\r\n-----\t.\r\n", b"a\r\n----- -----"])
def test_a_line_that_goes_on_does_not_end_a_form_with_a_short_boundary(modules: Modules, data: bytes) -> None:
    """Starlette ends it there, and loses the rest."""
    body = form("-").replace(DATA, data)
    (result,) = modules.call([Call("predict/form.js", "parse", ("multipart/form-data; boundary=-", body))])
    assert result.returned == {"fields": {"file": data, "model": MODEL}}
