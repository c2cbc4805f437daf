"""Ask the service about pictures, in Python.

    python examples/client.py face.jpg VGG19_CK+48         # every label of one picture
    python examples/client.py photos/*.jpg VGG19_CK+48     # a line for each of many, several under way at a time
    python examples/client.py party.jpg VGG19_CK+48 faces  # a line for each face of one picture

Needs only ``requests``. SERVICE_URL says where the service is; the default is http://localhost:8000. API_KEY is your
key, where the service requires one.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

ATTEMPTS = 10
AT_ONCE = 8  # the service takes 64 of one client (CLIENT_REQUESTS)
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


class ServiceError(Exception):
    """There is no answer; the text is the service's own sentence, or says that it does not answer."""


def predict(url: str, image: Path, model: str, key: str = "") -> dict[str, Any]:
    """The service's answer about the picture as a whole. The rest is as in ``ask``."""
    return ask(url, "/api/v1/predict", image, {"model": model}, key)


def faces(url: str, image: Path, model: str, key: str = "", max_faces: int = 10) -> list[dict[str, Any]]:
    """Box, landmarks and predictions of each face, the largest first; none is no error. The rest is as in ``ask``."""
    answer = ask(url, "/api/v1/faces", image, {"model": model, "max_faces": str(max_faces)}, key)
    found: list[dict[str, Any]] = answer["faces"]
    return found


def ask(url: str, path: str, image: Path, form: dict[str, str], key: str = "") -> dict[str, Any]:
    """Post a picture. Waits as the service asks for while it is busy (429) or loading a model (503).

    ``key`` is sent if there is one. Raises ServiceError without an answer, OSError if the file cannot be read.
    """
    picture = image.read_bytes()
    for attempt in range(1, ATTEMPTS + 1):
        response = _post(url, path, (image.name, picture), form, key)
        wait = response.headers.get("Retry-After", "")
        if response.status_code not in (429, 503) or not wait.isdecimal() or attempt == ATTEMPTS:
            break
        time.sleep(int(wait))
    try:
        answer: dict[str, Any] = response.json()
    except requests.JSONDecodeError:
        raise ServiceError(f"{url} is some other service; check SERVICE_URL") from None
    if not answer.get("success"):
        raise ServiceError(answer.get("error", f"status {response.status_code}"))
    return answer


def predict_many(
    url: str, images: Sequence[Path], model: str, key: str = "", at_once: int = AT_ONCE
) -> Iterator[tuple[Path, dict[str, Any] | Exception]]:
    """Each picture with its answer, or with the error instead; in order, ``at_once`` under way at a time."""

    def asked(image: Path) -> tuple[Path, dict[str, Any] | Exception]:
        try:
            return image, predict(url, image, model, key)
        except (ServiceError, OSError) as error:
            return image, error

    with ThreadPoolExecutor(at_once) as threads:
        yield from threads.map(asked, images)


def _post(url: str, path: str, file: tuple[str, bytes], form: dict[str, str], key: str) -> requests.Response:
    host = urlsplit(url).hostname or ""
    proxies = {"no_proxy": host} if host in THIS_MACHINE else None  # for others, http_proxy holds
    headers = {"X-API-Key": key} if key else {}
    try:
        return requests.post(url + path, files={"file": file}, data=form, headers=headers, timeout=90, proxies=proxies)
    except requests.Timeout:
        raise ServiceError(f"{url} gave no answer within 90 s; try again") from None
    except requests.RequestException:
        raise ServiceError(f"Nothing answers at {url}; start the service, or set SERVICE_URL") from None


def print_faces(url: str, image: Path, model: str, key: str) -> int:
    """Print where each face is and its most probable emotion."""
    try:
        found = faces(url, image, model, key)
    except (ServiceError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for face in found:
        box = face["box"]
        place = f"{box['width']}x{box['height']} at {box['x']},{box['y']}"
        print(f"{place:20} {face['top_emotion']:10} {100 * face['confidence']:5.1f} %")
    return 0


def print_predictions(url: str, images: Sequence[Path], model: str, key: str) -> int:
    """Print the probabilities of one picture, or the most probable label of each of several."""
    failed = 0
    for image, answer in predict_many(url, images, model, key):
        if isinstance(answer, Exception):
            failed = 1
            print(answer if len(images) == 1 else f"{image}: {answer}", file=sys.stderr)
        elif len(images) == 1:
            for label, probability in answer["predictions"].items():
                print(f"{label:10} {100 * probability:5.1f} %")
        else:
            print(f"{100 * answer['confidence']:5.1f} %  {answer['top_emotion']:10} {image}")
    return failed


def main(arguments: list[str]) -> int:
    """Do what the command line asks for. Returns the exit code: 1 if a picture got no answer."""
    url, key = os.environ.get("SERVICE_URL", "http://localhost:8000").rstrip("/"), os.environ.get("API_KEY", "")
    if len(arguments) == 3 and arguments[2] == "faces":
        return print_faces(url, Path(arguments[0]), arguments[1], key)
    *images, model = arguments or [""]
    if not images:
        sys.exit("usage: python examples/client.py IMAGE... MODEL, or IMAGE MODEL faces")
    return print_predictions(url, [Path(name) for name in images], model, key)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
