"""What a form costs the proxy grows no faster than the form."""

from __future__ import annotations

import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from tests.proxy.costs import processor_time
from tests.proxy.forms import UNKNOWN, form

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DELIMITER = f"\r\n--{BOUNDARY}".encode()


def _data(piece: bytes) -> Callable[[int], bytes]:
    """A form whose file is so many times ``piece``."""
    return lambda count: form(BOUNDARY, ("file", piece * count), ("model", UNKNOWN.encode()))


def _model(piece: bytes) -> Callable[[int], bytes]:
    return lambda count: form(BOUNDARY, ("file", b"1"), ("model", piece * count))


def _heads(piece: str) -> Callable[[int], bytes]:
    """A form of 20 parts with so many times ``piece`` behind the name of each."""
    return lambda count: form(BOUNDARY, *((f'{number}"{piece * count}; end="', b"") for number in range(20)))


def _parts(count: int) -> bytes:
    return form(BOUNDARY, *((f"field{number}", b"." * 1000) for number in range(count)))


@pytest.mark.parametrize(
    ("form", "count"),
    [
        pytest.param(_model(b"%2b"), 10_000, id="model of encoded plus signs"),
        pytest.param(_model(b" "), 2_000_000, id="model of blanks"),
        pytest.param(_model("é".encode()), 1_000_000, id="model of letters beyond ASCII"),
        pytest.param(_data(b"."), 2_000_000, id="file"),
        pytest.param(_data(DELIMITER[:-1]), 50_000, id="file of almost boundaries"),
        pytest.param(_data(DELIMITER + b"x" + b"." * 1000), 2_000, id="file of false boundaries"),
        pytest.param(_data(DELIMITER + b" " * 10_000 + b"."), 200, id="file of boundaries with blanks"),
        pytest.param(_parts, 2_000, id="parts"),
        pytest.param(_heads("\n "), 900, id="continued header lines"),
        pytest.param(_heads(';a="\\"'), 300, id="parameters without an end"),
        pytest.param(_heads(";a=é"), 300, id="parameters beyond ASCII"),
        pytest.param(lambda count: form(BOUNDARY, ("\\a" * count, b"")), 900, id="escaped name"),
    ],
)
def test_no_form_costs_more_than_in_proportion(
    url: str, proxy: tuple[str, psutil.Process], form: Callable[[int], bytes], count: int
) -> None:
    """Four times the form takes about four times the processor time; were it quadratic, sixteen times."""
    small, large = (_processor_time(url, proxy[1], form(size)) for size in (count, 4 * count))
    assert large < 9 * small, (small, large)


@pytest.mark.parametrize("piece", [DELIMITER[:4], DELIMITER[4:8], DELIMITER[:-1]])
def test_data_full_of_what_begins_like_a_boundary_costs_little_more_than_any_other(
    url: str, proxy: tuple[str, psutil.Process], piece: bytes
) -> None:
    """Twice as much; were every such place looked at by itself, twenty times."""
    size = 1_000_000
    ordinary, hostile = (_processor_time(url, proxy[1], _data(data)(size // len(data))) for data in (b".", piece))
    assert hostile < 8 * ordinary, (ordinary, hostile)


def _processor_time(url: str, main: psutil.Process, body: bytes) -> int:
    return processor_time(url, main, body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"})


def test_hostile_forms_whose_senders_leave_keep_nobody_from_an_answer(proxy: tuple[str, psutil.Process]) -> None:
    body = _model(b"%2b")(350_000)
    head = (
        f"POST /api/v1/predict HTTP/1.1\r\nHost: localhost\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    address = urlsplit(proxy[0])
    for _ in range(4):
        with socket.create_connection((address.hostname, address.port), timeout=10) as sender:
            sender.sendall(head.encode() + body)
    for _ in range(20):
        assert requests.get(f"{proxy[0]}/api/v1/health/live", timeout=10).status_code == 200
