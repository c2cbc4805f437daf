"""Ask the service about one picture, in Python: ``python examples/client.py face.jpg VGG19_CK+48``.

Needs only ``requests``. SERVICE_URL says where the service is; the default is http://localhost:8000. API_KEY is your
key, where the service requires one.
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
    """The service's answer. Waits as the service asks for while it is busy (429) or loading a model (503).

    ``key`` is sent if there is one. Raises requests.HTTPError for any other error; its text is the service's own
    message.
    """
    headers = {"X-API-Key": key} if key else {}
    host = urlsplit(url).hostname or ""
    proxies = {"no_proxy": host} if host in THIS_MACHINE else None  # for others, http_proxy holds
    form = {"model": model}
    for _ in range(ATTEMPTS):
        with image.open("rb") as file:
            response = requests.post(
                f"{url}/api/v1/predict", files={"file": file}, data=form, headers=headers, timeout=90, proxies=proxies
            )
        if response.status_code not in (429, 503):
            break
        time.sleep(int(response.headers["Retry-After"]))
    answer: dict[str, Any] = response.json()
    if not answer.get("success"):
        raise requests.HTTPError(answer["error"], response=response)
    return answer


def main() -> None:
    """Print the probabilities, the most probable first."""
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/client.py IMAGE MODEL")
    url = os.environ.get("SERVICE_URL", "http://localhost:8000")
    try:
        answer = predict(url, Path(sys.argv[1]), sys.argv[2], os.environ.get("API_KEY", ""))
    except requests.HTTPError as error:
        sys.exit(str(error))
    for label, probability in answer["predictions"].items():
        print(f"{label:10} {probability:6.1%}")


if __name__ == "__main__":
    main()
