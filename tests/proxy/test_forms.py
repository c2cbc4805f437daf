"""Reading a form: wherever its boundaries lie, whatever its data holds. The proxy runs alone; no model is asked."""

from __future__ import annotations

import base64
import gzip
import random
import time
from collections.abc import Callable

import pytest
import requests

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT
from tests.proxy.forms import MEGABYTE, UNKNOWN, assert_read, error, form


@pytest.mark.parametrize("boundary", ["x", "ab", "-", "--ab", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "-" * 69 + "1"])
def test_boundary_is_found_at_every_offset(url: str, boundary: str) -> None:
    noise = random.Random(1)
    for length in [*range(1, 10), *range(505, 525), *range(4000, 4009)]:
        assert_read(url, boundary, noise.randbytes(length).replace(b"\r", b"."))


def test_data_may_be_almost_a_boundary(url: str) -> None:
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    pieces = [b"\r", b"\r\n", b"\r\n--", f".--{boundary}\r\n".encode(), f"\r\n--{boundary}x".encode(), b"-" * 50]
    noise = random.Random(2)
    for _ in range(50):
        assert_read(url, boundary, b"".join(noise.choices(pieces, k=20)) + b".")


@pytest.mark.parametrize("piece", [b"-", b"\0", b"\r\n", b"\r\n--", b"\r\n------WebKitFormBoundary7MA4YWxkTrZu0g"])
def test_no_data_makes_reading_slow(url: str, piece: bytes) -> None:
    start = time.monotonic()
    assert_read(url, "----WebKitFormBoundary7MA4YWxkTrZu0gW", piece * (9 * MEGABYTE // len(piece)) + b".")
    assert time.monotonic() - start < 5


def test_endless_false_boundaries_are_refused(url: str) -> None:
    body = form("x", ("file", b"\r\n--xy" * MEGABYTE), ("model", UNKNOWN.encode()))
    assert error(url, "x", body).startswith("The form cannot be read: its closing boundary is missing")


def test_endless_fields_are_refused(url: str) -> None:
    body = form("x", *((f"field{number}", b"") for number in range(1000)))
    assert error(url, "x", body).startswith("The form cannot be read: it has more than 20 parts;")


@pytest.mark.parametrize("name", ["file", "model"])
def test_field_that_appears_twice_is_refused(url: str, name: str) -> None:
    body = form("x", ("file", b"1"), ("model", UNKNOWN.encode()), (name, b"2"))
    assert error(url, "x", body).startswith(f'The form cannot be read: the field "{name}" appears twice;')


def test_names_of_objects_are_names_like_others(url: str) -> None:
    fields = [(name, b"1") for name in ("__proto__", "constructor", "toString", "length")]
    body = form("x", *fields, ("file", b"1"), ("model", UNKNOWN.encode()))
    assert error(url, "x", body).startswith(f"Unknown model '{UNKNOWN}';")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MobileNetV2_CK 48", "MobileNetV2_CK+48"),
        ("MobileNetV2_CK%2B48", "MobileNetV2_CK+48"),
        ("mobilenetv2_ck+48", "MobileNetV2_CK+48"),
        (" VGG19_RAF-DB\n", "VGG19_RAF-DB"),
    ],
)
def test_name_that_was_encoded_is_answered_with_the_one_that_is_meant(url: str, name: str, meant: str) -> None:
    message = error(url, "x", form("x", ("file", b"1"), ("model", name.encode())))
    assert message.endswith(f"Did you mean {meant}? Send it exactly so, without any encoding.")


def test_name_longer_than_any_is_not_looked_up_but_shortened(url: str) -> None:
    message = error(url, "x", form("x", ("file", b"1"), ("model", b"VGG19_CK%2b48" + b" " * 1000)))
    assert message.startswith("Unknown model 'VGG19_CK%2b48 ")
    assert "Did you mean" not in message
    assert len(message) < 500


def test_field_with_an_endless_name_is_refused(url: str) -> None:
    message = error(url, "x", form("x", ("f" * 101, b"1"), ("model", UNKNOWN.encode())))
    assert message.startswith("The form cannot be read: a part has a name of more than 100 characters;")


def _part(headers: str) -> bytes:
    """A form whose first part has these headers."""
    return f"--x\r\n{headers}\r\n\r\n1\r\n".encode() + form("x", ("model", UNKNOWN.encode()))


def _padded(blanks: int) -> bytes:
    body = form("x", ("file", b"1"), ("model", UNKNOWN.encode()))
    return body.replace(b"\r\n--x\r\n", b"\r\n--x" + b" " * blanks + b"\r\n")


def _head(size: int) -> bytes:
    """A form whose first part has headers of so many bytes, the empty line behind them included."""
    disposition = 'Content-Disposition: form-data; name="file"\r\nX: '
    return _part(disposition + "." * (size - len(disposition) - 4))


READ = f"Unknown model '{UNKNOWN}';"
UNREADABLE = "The form cannot be read: "


@pytest.mark.parametrize(
    ("form", "most", "beyond"),
    [
        pytest.param(
            lambda count: form(
                "x", *((f"f{number}", b"") for number in range(count - 2)), ("file", b"1"), ("model", UNKNOWN.encode())
            ),
            20,
            "it has more than 20 parts;",
            id="parts",
        ),
        pytest.param(
            lambda count: form("x", ("f" * count, b""), ("file", b"1"), ("model", UNKNOWN.encode())),
            100,
            "a part has a name of more than 100 characters;",
            id="characters of a name",
        ),
        pytest.param(_head, 8192, "a part has no end of its headers;", id="bytes of headers"),
        pytest.param(
            lambda count: _part(f'Content-Disposition: form-data{"; a=b" * (count - 1)}; name="file"'),
            20,
            "a part has no name;",
            id="parameters",
        ),
        pytest.param(
            lambda count: form("x", ("file", b"\r\n--xy" * count), ("model", UNKNOWN.encode())),
            99,
            "its closing boundary is missing",
            id="false boundaries",
        ),
    ],
)
def test_a_form_is_read_up_to_its_limits_and_not_beyond(
    url: str, form: Callable[[int], bytes], most: int, beyond: str
) -> None:
    assert error(url, "x", form(most)).startswith(READ)
    assert error(url, "x", form(most + 1)).startswith(UNREADABLE + beyond)


BODY = form("B", ("file", b"1"), ("model", UNKNOWN.encode()))


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        (None, BODY, "The request has no Content-Type; send multipart/form-data, and let the client library set this "),
        ("application/json", BODY, "The Content-Type is 'application/json'; send multipart/form-data, and let "),
        ("multipart/form-data", BODY, "The Content-Type 'multipart/form-data' names no boundary, which "),
        (
            f"multipart/form-data; boundary={'b' * 257}",
            BODY,
            "The boundary of the multipart/form-data has 257 characters;",
        ),
        (
            "multipart/form-data; boundary=B",
            gzip.compress(BODY, mtime=0),
            "The form cannot be read: it is compressed; send it as ",
        ),
        (
            "multipart/form-data; boundary=B",
            BODY.replace(b"\r", b""),
            "The form cannot be read: its lines end in a line feed",
        ),
        ("multipart/form-data; boundary=A", BODY, "The form cannot be read: it begins with the boundary 'B', and its "),
        (
            "multipart/form-data; boundary=A",
            b"1" + BODY,
            "The form cannot be read: it has no line with the boundary that",
        ),
    ],
)
def test_what_is_no_form_is_told_what_is_wrong(url: str, content_type: str | None, body: bytes, message: str) -> None:
    answer = requests.post(url, data=body, headers={"Content-Type": content_type}, timeout=30)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith(message)


@pytest.mark.parametrize(
    ("coding", "read"), [("gzip", False), ("br", False), ("deflate, gzip", False), ("identity", True)]
)
def test_a_compressed_form_is_refused_for_it(url: str, coding: str, read: bool) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=B", "Content-Encoding": coding}
    message = requests.post(url, data=BODY, headers=headers, timeout=30).json()["error"]
    refused = f"The form is compressed (Content-Encoding: '{coding}'); send it as it is."
    assert message.startswith(READ if read else refused)


@pytest.mark.parametrize("boundary", ["b" * 71, "b" * 256, "a;b", "B "])
def test_a_boundary_may_be_longer_than_the_standard_allows(url: str, boundary: str) -> None:
    assert_read(url, boundary, b"\r\n--b")


def test_a_name_in_base64_is_answered_with_the_one_that_is_meant(url: str) -> None:
    message = error(url, "x", form("x", ("file", b"1"), ("model", base64.b64encode(b"VGG19_CK+48"))))
    assert message.endswith("Did you mean VGG19_CK+48? Send it exactly so, without any encoding.")


def test_a_boundary_has_up_to_64_blanks_behind_it(url: str) -> None:
    assert error(url, "x", _padded(64)).startswith(READ)
    assert error(url, "x", _padded(65)).startswith('The form has no "model";')


@pytest.mark.parametrize(("size", "meant"), [(400, True), (401, False)])
def test_a_name_of_up_to_400_bytes_is_looked_up(url: str, size: int, meant: bool) -> None:
    name = "vgg19_ck+48".ljust(size).encode()
    message = error(url, "x", form("x", ("file", b"1"), ("model", name)))
    assert ("Did you mean VGG19_CK+48?" in message) is meant


def test_an_unknown_name_is_answered_with_all_nine(url: str) -> None:
    names = ", ".join(load_catalogue(ROOT / "models.json"))
    expected = f"Unknown model '{UNKNOWN}'; GET /api/v1/models lists the models: {names}."
    assert error(url, "x", form("x", ("file", b"1"), ("model", UNKNOWN.encode()))) == expected
