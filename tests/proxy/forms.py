"""Forms put together piece by piece, and what the proxy says of them."""

from __future__ import annotations

import requests

UNKNOWN = "nobody"
MEGABYTE = 1_000_000


def form(boundary: str, *parts: tuple[str, bytes]) -> bytes:
    lines = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"
        for name, value in parts
    ]
    return b"".join(lines) + f"--{boundary}--\r\n".encode()


def error(url: str, boundary: str, body: bytes) -> str:
    headers = {"Content-Type": f'multipart/form-data; boundary="{boundary}"'}
    response = requests.post(url, data=body, headers=headers, timeout=30)
    answer = response.json()
    assert response.status_code == 400, answer
    assert answer == {"success": False, "error": answer["error"]}
    return str(answer["error"])


def assert_read(url: str, boundary: str, data: bytes) -> None:
    """The field behind ``data`` was found, and so was the end of ``data``."""
    body = form(boundary, ("file", data), ("model", UNKNOWN.encode()))
    assert error(url, boundary, body).startswith(f"Unknown model '{UNKNOWN}';")
