"""Multipart forms, byte by byte, as the different clients of the world send them."""

from __future__ import annotations

from dataclasses import dataclass

# Chromium and Safari: this prefix and sixteen random letters and digits.
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gWd"


@dataclass(frozen=True)
class Part:
    """One part of a form: its header lines and its content."""

    headers: tuple[str, ...]
    content: bytes

    def encode(self) -> bytes:
        """The part between two boundaries."""
        return "".join(f"{line}\r\n" for line in self.headers).encode() + b"\r\n" + self.content + b"\r\n"


def field(name: str, value: str | bytes) -> Part:
    """A plain field."""
    content = value if isinstance(value, bytes) else value.encode()
    return Part((f'Content-Disposition: form-data; name="{name}"',), content)


def image(content: bytes, filename: str = "blob", content_type: str = "image/jpeg") -> Part:
    """The field ``file`` as a browser sends a Blob; an empty ``content_type`` leaves that header out."""
    disposition = f'Content-Disposition: form-data; name="file"; filename="{filename}"'
    return Part((disposition, f"Content-Type: {content_type}") if content_type else (disposition,), content)


def encode(*parts: Part, boundary: str = BOUNDARY) -> bytes:
    """The body of a form."""
    opening = f"--{boundary}\r\n".encode()
    return b"".join(opening + part.encode() for part in parts) + f"--{boundary}--\r\n".encode()
