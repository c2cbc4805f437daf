"""Reading a form: wherever its boundaries lie, whatever its data holds. The proxy runs alone; no model is asked."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator

import pytest
import requests

from scripts.processes import taken_ports, wait_until
from scripts.proxy import rendering
from scripts.settings import load_settings
from tests.support.ports import free_ports

UNKNOWN = "nobody"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a proxy without TorchServe behind it."""
    (port,) = free_ports(1)
    run_dir = tmp_path_factory.mktemp("forms")
    settings = load_settings({"RUN_DIR": str(run_dir), "PORT": str(port), "RATE_LIMIT": "0"})
    rendering.render(settings)
    process = subprocess.Popen(rendering.command(settings), stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: bool(taken_ports([port], settings.bind_address)), 10), (
            settings.log_dir / "proxy-error.log"
        ).read_text()
        yield f"{settings.url}/api/v1/predict"
    finally:
        process.terminate()
        process.wait(10)


def _form(boundary: str, *parts: tuple[str, bytes]) -> bytes:
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def _error(url: str, boundary: str, body: bytes) -> str:
    headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
    response = requests.post(url, data=body, headers=headers, timeout=30)
    answer = response.json()
    assert response.status_code == 400, answer
    assert answer == {"success": False, "error": answer["error"]}
    return str(answer["error"])


def _assert_read(url: str, boundary: str, data: bytes) -> None:
    """The field behind ``data`` was found, and so was the end of ``data``."""
    body = _form(boundary, ("file", data), ("model", UNKNOWN.encode()))
    assert _error(url, boundary, body).startswith(f"Unknown model '{UNKNOWN}';")


@pytest.mark.parametrize("boundary", ["x", "ab", "-", "--ab", "----WebKitFormBoundary7MA4YWxkTrZu0gW", "-" * 69 + "1"])
def test_boundary_is_found_at_every_offset(url: str, boundary: str) -> None:
    noise = random.Random(1)
    for length in [*range(1, 10), *range(505, 525), *range(4000, 4009)]:
        _assert_read(url, boundary, noise.randbytes(length).replace(b"\r", b"."))


def test_data_may_be_almost_a_boundary(url: str) -> None:
    boundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
    pieces = [b"\r", b"\r\n", b"\r\n--", f".--{boundary}\r\n".encode(), f"\r\n--{boundary}x".encode(), b"-" * 50]
    noise = random.Random(2)
    for _ in range(50):
        _assert_read(url, boundary, b"".join(noise.choices(pieces, k=20)) + b".")


@pytest.mark.parametrize("piece", [b"-", b"\0", b"\r\n", b"\r\n--", b"\r\n------WebKitFormBoundary7MA4YWxkTrZu0g"])
def test_no_data_makes_reading_slow(url: str, piece: bytes) -> None:
    start = time.monotonic()
    _assert_read(url, "----WebKitFormBoundary7MA4YWxkTrZu0gW", piece * (9 * MEGABYTE // len(piece)) + b".")
    assert time.monotonic() - start < 5


def test_endless_false_boundaries_are_refused(url: str) -> None:
    body = _form("x", ("file", b"\r\n--xy" * MEGABYTE), ("model", UNKNOWN.encode()))
    assert _error(url, "x", body).startswith("The form cannot be read: its closing boundary is missing")


def test_endless_fields_are_refused(url: str) -> None:
    body = _form("x", *((f"field{number}", b"") for number in range(1000)))
    assert _error(url, "x", body).startswith("The form cannot be read: it has more than 20 parts;")


@pytest.mark.parametrize("name", ["file", "model"])
def test_field_that_appears_twice_is_refused(url: str, name: str) -> None:
    body = _form("x", ("file", b"1"), ("model", UNKNOWN.encode()), (name, b"2"))
    assert _error(url, "x", body).startswith(f'The form cannot be read: the field "{name}" appears twice;')


def test_names_of_objects_are_names_like_others(url: str) -> None:
    fields = [(name, b"1") for name in ("__proto__", "constructor", "toString", "length")]
    body = _form("x", *fields, ("file", b"1"), ("model", UNKNOWN.encode()))
    assert _error(url, "x", body).startswith(f"Unknown model '{UNKNOWN}';")


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
    sentence = _error(url, "x", _form("x", ("file", b"1"), ("model", name.encode())))
    assert sentence.endswith(f"Did you mean {meant}? Send it exactly so, without URL encoding.")
