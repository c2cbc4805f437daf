"""The images the benchmark sends, and the HTTP requests that carry them."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageFilter

from scripts.probes import seeded_image

# What the web client sends, what the datasets hold, and what a phone takes.
IMAGES = {
    "frame": "640×480 JPEG",
    "small": "48×48 PNG",
    "photo": "4000×3000 JPEG",
}
_BOUNDARY = "----benchmark-7MA4YWxkTrZu0gW"


def image_bytes(name: str) -> bytes:
    """Encode the image ``name`` of IMAGES; the same bytes every time."""
    if name == "small":
        return _encoded(seeded_image(2, (48, 48)).convert("L"), "PNG")
    size = (640, 480) if name == "frame" else (4000, 3000)
    # The blur leaves about as much detail, and so as many bytes, as a webcam's frame has.
    image = seeded_image(1, size).filter(ImageFilter.GaussianBlur(0.7))
    return _encoded(image, "JPEG", quality=80)


def predict_request(image: bytes, model: str, route: str = "/api/v1/predict") -> bytes:
    """A whole HTTP/1.1 request for ``POST /api/v1/predict``, or another route that takes its form."""
    head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="'
    body = (
        f'{head}file"; filename="frame"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        + image
        + f'\r\n{head}model"\r\n\r\n{model}\r\n--{_BOUNDARY}--\r\n'.encode()
    )
    return _post(route, body, {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"})


def raw_request(image: bytes, archive_name: str, key: str) -> bytes:
    """The request TorchServe itself gets from the proxy: the image as the body."""
    headers = {"Content-Type": "application/octet-stream", "Authorization": f"Bearer {key}"}
    return _post(f"/predictions/{archive_name}", image, headers)


def write_once(path: Path, content: bytes) -> Path:
    """Keep a request in a file, where the load generator reads it. Returns ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _encoded(image: Image.Image, form: str, **options: int) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()
