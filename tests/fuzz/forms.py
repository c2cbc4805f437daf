"""Forms, read by the proxy's njs under Node.js and compared with what RFC 2046 makes of them."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random

from tests.fuzz.mutations import changed_blocks, changed_bytes
from tests.proxy.modules import Call, Modules, Result

# A case is the Content-Type, this, and the body.
_BREAK = b"\n\n"
# Reading a form of some kilobytes takes less than one; a busy machine may stop for longer.
_SLOW = 2_000  # milliseconds
_BOUNDARIES = ("x", "ab", "-", "--ab", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "a b'()+_,./:=?c", "-" * 69 + "1")
_CONTENT_TYPES = (
    'multipart/form-data; boundary="{}"',
    "Multipart/Form-Data;boundary={}",
    'multipart/form-data; charset=utf-8; boundary="{}"; x=y',
    "multipart/form-data; boundary={}",
    'multipart/form-data; x="; boundary=evil"; boundary="{}"',
    'multipart/mixed; boundary="{}"',
)
_HEADS = (
    'Content-Disposition: form-data; name="{}"',
    'Content-Disposition: form-data; name="{}"; filename="face.jpg"',
    'Content-Disposition: form-data; name="{}"\r\nContent-Type: image/jpeg',
    'content-disposition:form-data; name={}; filename="a;b.jpg"',
    'Content-Type: image/jpeg\r\nContent-Disposition: form-data; filename="\\"; name=x"; name="{}"',
    'Content-Disposition: form-data;\r\n\tname="{}"',
    'X-Note: name="other"\r\nCONTENT-DISPOSITION: form-data; NAME="{}"',
    "Content-Disposition: form-data; name*=utf-8''{}",
    'Content-Disposition: attachment; name="{}"',
    "Content-Type: text/plain",
    "",
)
_NAMES = (
    "file",
    "model",
    "a",
    "two words",
    "größe",
    "x;y",
    "a\\\\b",
    "__proto__",
    "toString",
    "f" * 100,
    "f" * 101,
    "",
)
_OFTEN = (9, 9, 9, 9) + (1,) * 8
_SURE_TYPE = re.compile(r'multipart/form-data; boundary="([^"\\\x00-\x1f\x7f-\xff]{0,69}[!-~])"')
_SURE_PART = re.compile(
    rb"\r\n(?:content-type: [a-z/]+\r\n)?"
    rb'content-disposition: ?form-data; name="([a-z0-9_ ]{1,100})"(?:; filename="[a-z.]*")?\r\n'
    rb"(?:content-type: [a-z/]+\r\n)?(?:\r\n(.*))?",
    re.IGNORECASE | re.DOTALL,
)


class Forms:
    """``proxy/njs/predict/form.js``: it never throws, takes no long time, and finds what the reference finds."""

    batch = 500

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._modules = Modules(folder)

    def make(self, noise: Random) -> bytes:
        boundary = noise.choice(_BOUNDARIES)
        blocks = _blocks(noise, boundary)
        if noise.random() < 0.6:
            others = _others(boundary)
            for _ in range(noise.randint(1, 3)):
                blocks = changed_blocks(noise, blocks, others)
        body = b"".join(blocks)
        if noise.random() < 0.5:
            body = changed_bytes(noise, body)
        content_type = noise.choice(_CONTENT_TYPES[:1] * 20 + _CONTENT_TYPES).format(boundary).encode()
        if noise.random() < 0.1:
            content_type = changed_bytes(noise, content_type).replace(_BREAK, b"")
        return content_type + _BREAK + body

    def faults(self, cases: Sequence[bytes]) -> list[str]:
        calls = [Call("predict/form.js", "parse", _given(case)) for case in cases]
        try:
            results = self._modules.call(calls)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            if len(cases) == 1:
                return [f"throws or hangs: {error}"]
            middle = len(cases) // 2
            return [*self.faults(cases[:middle]), *self.faults(cases[middle:])]
        return [_fault(*_given(case), result) for case, result in zip(cases, results, strict=True)]


def _blocks(noise: Random, boundary: str) -> list[bytes]:
    """Delimiters, heads and data of a form."""
    blocks = [noise.choice((b"", b"", b"preamble"))]
    for name in noise.sample(_NAMES, counts=_OFTEN, k=noise.choice((1, 2, 2, 2, 3, 5))):
        head = noise.choice(_HEADS[:3] * 9 + _HEADS).format(name)
        delimiter = f"\r\n--{boundary}{noise.choice(('', '', '', ' ', chr(9)))}\r\n"
        blocks += [delimiter.encode(), f"{head}\r\n\r\n".encode(), _data(noise, boundary)]
    return [*blocks, f"\r\n--{boundary}--".encode(), noise.choice((b"", b"\r\n", b"\r\nepilogue"))]


def _data(noise: Random, boundary: str) -> bytes:
    pieces = [noise.randbytes(noise.choice((1, 9, 900))), *_others(boundary)[:5], b"VGG19_CK%2B48", "é".encode()]
    return b"".join(noise.choices(pieces, k=noise.choice((0, 1, 1, 3, 8))))


def _others(boundary: str) -> list[bytes]:
    """What may stand between the blocks, and is no part of the form."""
    return [
        b"\r\n",
        b"\n",
        f"\r\n--{boundary[:-1]}".encode(),
        f"\r\n--{boundary}x".encode(),
        f".--{boundary}\r\n".encode(),
        f"\r\n--{boundary}\r\n".encode(),
        f"\r\n--{boundary}--".encode(),
        f"\r\n--{boundary}{' ' * 63}\r\n".encode(),
        f"\r\n--{boundary}{' ' * 65}\r\n".encode(),
        b"\r\n\r\n",
        b'Content-Disposition: form-data; name="late"\r\n\r\n',
        b'Content-Disposition: form-data; name="' + b'\\"' * 400,
        b"X: " + b"y" * 9000 + b"\r\n",
        f"\r\n--{boundary}x".encode() * 120,
    ]


def _given(case: bytes) -> tuple[str, bytes]:
    content_type, _, body = case.partition(_BREAK)
    return content_type.decode("latin-1"), body


def _fault(content_type: str, body: bytes, result: Result) -> str:
    form = result.returned
    if result.milliseconds > _SLOW:
        return f"slow: {result.milliseconds:.0f} ms for {len(body)} bytes"
    if not isinstance(form, dict) or len(form) != 1 or not form.keys() <= {"fields", "failure"}:
        return f"neither fields nor a failure: {form!r:.200}"
    expected = read_form(content_type, body)
    if "failure" in form:
        failure = form["failure"]
        if failure.get("status") != 400 or not str(failure.get("message", "")).endswith((".", ";")):
            return f"a failure without status or message: {json.dumps(failure):.200}"
        return f"refuses a good form: {failure['message']}" if expected else ""
    if expected is not None and form["fields"] != expected:
        return f"other fields than the reference: {form['fields']!r:.100} instead of {expected!r:.100}"
    if any(not isinstance(value, bytes) or value not in body for value in form["fields"].values()):
        return f"a field that is no part of the body: {form['fields']!r:.200}"
    return ""


def read_form(content_type: str, body: bytes) -> dict[str, bytes] | None:
    """The fields of a form that every reader must read alike; None for any other.

    One to twenty parts with plain headers and names that differ, few lines that are almost delimiters, and none that
    is a last one but for more in its line.
    """
    found = _SURE_TYPE.fullmatch(content_type)
    if not found:
        return None
    start = b"\r\n--" + found[1].encode()
    body = b"\r\n" + body
    delimiters = list(re.finditer(re.escape(start) + rb"(?:(--)(?=[ \t]{0,64}(?:\r?\n|\Z))|[ \t]{0,64}(?=\r\n))", body))
    loose = body.count(start + b"--") != sum(1 for line in delimiters if line[1])
    last = next((number for number, line in enumerate(delimiters) if line[1]), 0)
    if not 1 <= last <= 20 or body.count(start) > 90 or loose:
        return None
    fields: dict[str, bytes] = {}
    for line, following in itertools.pairwise(delimiters[: last + 1]):
        part = _SURE_PART.fullmatch(body, line.end(), following.start())
        if not part or part[1].decode() in fields:
            return None
        fields[part[1].decode()] = part[2] or b""
    return fields
