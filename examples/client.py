"""Ask the service about one picture, in Python: ``python examples/client.py face.jpg VGG19_CK+48``.

``python examples/client.py party.jpg VGG19_CK+48 faces`` finds the faces first and prints a line for each. Needs only
``requests``. SERVICE_URL says where the service is; the default is http://localhost:8000. API_KEY is your key, where
the service requires one.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

ATTEMPTS = 10
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def predict(url: str, image: Path, model: str, key: str = "") -> dict[str, Any]:
    """The service's answer about the picture as a whole. The rest is as in ``ask``."""
    return ask(f"{url}/api/v1/predict", image, {"model": model}, key)


def faces(url: str, image: Path, model: str, key: str = "", max_faces: int = 10) -> list[dict[str, Any]]:
    """Box, landmarks and predictions of each face, the largest first; none is no error. The rest is as in ``ask``."""
    answer = ask(f"{url}/api/v1/faces", image, {"model": model, "max_faces": str(max_faces)}, key)
    found: list[dict[str, Any]] = answer["faces"]
    return found


def ask(url: str, image: Path, form: dict[str, str], key: str = "") -> dict[str, Any]:
    """Post a picture. Waits as the service asks for while it is busy (429) or loading a model (503).

    ``key`` is sent if there is one. Raises requests.HTTPError for any other error; its text is the service's own
    message.
    """
    headers = {"X-API-Key": key} if key else {}
    host = urlsplit(url).hostname or ""
    proxies = {"no_proxy": host} if host in THIS_MACHINE else None  # for others, http_proxy holds
    for _ in range(ATTEMPTS):
        with image.open("rb") as file:
            response = requests.post(url, files={"file": file}, data=form, headers=headers, timeout=90, proxies=proxies)
        if response.status_code not in (429, 503):
            break
        time.sleep(int(response.headers["Retry-After"]))
    answer: dict[str, Any] = response.json()
    if not answer.get("success"):
        raise requests.HTTPError(answer["error"], response=response)
    return answer


def main() -> None:
    """Print the probabilities, the most probable first; or where each face is, and its most probable emotion."""
    if len(sys.argv) not in (3, 4) or sys.argv[3:] not in ([], ["faces"]):
        sys.exit("usage: python examples/client.py IMAGE MODEL [faces]")
    url = os.environ.get("SERVICE_URL", "http://localhost:8000")
    image, model, key = Path(sys.argv[1]), sys.argv[2], os.environ.get("API_KEY", "")
    try:
        if sys.argv[3:]:
            for face in faces(url, image, model, key):
                box = face["box"]
                place = f"{box['width']}x{box['height']} at {box['x']},{box['y']}"
                print(f"{place:20} {face['top_emotion']:10} {face['confidence']:6.1%}")
        else:
            for label, probability in predict(url, image, model, key)["predictions"].items():
                print(f"{label:10} {probability:6.1%}")
    except requests.HTTPError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
