"""Reading a form: wherever its boundaries lie, whatever its data holds. The proxy runs alone; no model is asked."""

from __future__ import annotations

import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from scripts.catalogue import load_catalogue
from scripts.processes import taken_ports, wait_until
from scripts.proxy import rendering
from scripts.settings import ROOT, load_settings
from tests.support.ports import free_ports

UNKNOWN = "nobody"
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, psutil.Process]]:
    """A proxy without TorchServe behind it: its address and its main process."""
    (port,) = free_ports(1)
    run_dir = tmp_path_factory.mktemp("forms")
    settings = load_settings({"RUN_DIR": str(run_dir), "PORT": str(port), "RATE_LIMIT": "0"})
    rendering.render(settings)
    process = subprocess.Popen(rendering.command(settings), stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: bool(taken_ports([port], settings.bind_address)), 10), (
            settings.log_dir / "proxy-error.log"
        ).read_text()
        yield settings.url, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def url(proxy: tuple[str, psutil.Process]) -> str:
    """The address forms are sent to."""
    return f"{proxy[0]}/api/v1/predict"


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


def test_name_longer_than_any_is_not_looked_up_but_shortened(url: str) -> None:
    sentence = _error(url, "x", _form("x", ("file", b"1"), ("model", b"VGG19_CK%2b48" + b" " * 1000)))
    assert sentence.startswith("Unknown model 'VGG19_CK%2b48 ")
    assert "Did you mean" not in sentence
    assert len(sentence) < 500


def test_field_with_an_endless_name_is_refused(url: str) -> None:
    sentence = _error(url, "x", _form("x", ("f" * 101, b"1"), ("model", UNKNOWN.encode())))
    assert sentence.startswith("The form cannot be read: a part has a name of more than 100 characters;")


def _part(headers: str) -> bytes:
    """A form whose first part has these headers."""
    return f"--x\r\n{headers}\r\n\r\n1\r\n".encode() + _form("x", ("model", UNKNOWN.encode()))


def _padded(blanks: int) -> bytes:
    body = _form("x", ("file", b"1"), ("model", UNKNOWN.encode()))
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
            lambda count: _form(
                "x", *((f"f{number}", b"") for number in range(count - 2)), ("file", b"1"), ("model", UNKNOWN.encode())
            ),
            20,
            "it has more than 20 parts;",
            id="parts",
        ),
        pytest.param(
            lambda count: _form("x", ("f" * count, b""), ("file", b"1"), ("model", UNKNOWN.encode())),
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
            lambda count: _form("x", ("file", b"\r\n--xy" * count), ("model", UNKNOWN.encode())),
            99,
            "its closing boundary is missing",
            id="false boundaries",
        ),
    ],
)
def test_a_form_is_read_up_to_its_limits_and_not_beyond(
    url: str, form: Callable[[int], bytes], most: int, beyond: str
) -> None:
    assert _error(url, "x", form(most)).startswith(READ)
    assert _error(url, "x", form(most + 1)).startswith(UNREADABLE + beyond)


def test_a_boundary_has_up_to_64_blanks_behind_it(url: str) -> None:
    assert _error(url, "x", _padded(64)).startswith(READ)
    assert _error(url, "x", _padded(65)).startswith('The form has no "model";')


@pytest.mark.parametrize(("size", "meant"), [(400, True), (401, False)])
def test_a_name_of_up_to_400_bytes_is_looked_up(url: str, size: int, meant: bool) -> None:
    name = "vgg19_ck+48".ljust(size).encode()
    sentence = _error(url, "x", _form("x", ("file", b"1"), ("model", name)))
    assert ("Did you mean VGG19_CK+48?" in sentence) is meant


def test_an_unknown_name_is_answered_with_all_nine(url: str) -> None:
    names = ", ".join(load_catalogue(ROOT / "models.json"))
    expected = f"Unknown model '{UNKNOWN}'; GET /api/v1/models lists the models: {names}."
    assert _error(url, "x", _form("x", ("file", b"1"), ("model", UNKNOWN.encode()))) == expected


BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DELIMITER = f"\r\n--{BOUNDARY}".encode()


def _data(piece: bytes) -> Callable[[int], bytes]:
    """A form whose file is so many times ``piece``."""
    return lambda count: _form(BOUNDARY, ("file", piece * count), ("model", UNKNOWN.encode()))


def _model(piece: bytes) -> Callable[[int], bytes]:
    return lambda count: _form(BOUNDARY, ("file", b"1"), ("model", piece * count))


def _heads(piece: str) -> Callable[[int], bytes]:
    """A form of 20 parts with so many times ``piece`` behind the name of each."""
    return lambda count: _form(BOUNDARY, *((f'{number}"{piece * count}; end="', b"") for number in range(20)))


def _parts(count: int) -> bytes:
    return _form(BOUNDARY, *((f"field{number}", b"." * 1000) for number in range(count)))


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
        pytest.param(lambda count: _form(BOUNDARY, ("\\a" * count, b"")), 900, id="escaped name"),
    ],
)
def test_no_form_costs_more_than_in_proportion(
    url: str, proxy: tuple[str, psutil.Process], form: Callable[[int], bytes], count: int
) -> None:
    """Four times the form takes about four times the processor time; were it quadratic, sixteen times."""
    small, large = (_processor_time(url, proxy[1], form(size)) for size in (count, 4 * count))
    assert large < 9 * small, (small, large)


def _processor_time(url: str, main: psutil.Process, body: bytes) -> int:
    """What reading ``body`` costs the proxy, the least of several tries, in ns."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}

    def spent() -> int:
        # https://docs.kernel.org/scheduler/sched-stats.html#proc-pid-schedstat
        return sum(int(Path(f"/proc/{child.pid}/schedstat").read_text().split()[0]) for child in main.children())

    def measure() -> int:
        before = spent()
        assert requests.post(url, data=body, headers=headers, timeout=300).status_code == 400
        return spent() - before

    # What a process spends while it runs is added now and then only; the rest shows with the next try.
    return min(measure() + measure() for _ in range(5))


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
