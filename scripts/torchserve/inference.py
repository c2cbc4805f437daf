"""Ask one version of a model about an image, past the proxy."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import requests

from scripts.errors import NOT_LOADED, UserError
from scripts.settings import Settings

_SEED = 4
_SECONDS = 60.0


class InferenceError(UserError):
    """A version did not answer the probe as it should; the message says what it answered."""

    exit_code = NOT_LOADED


def probe(settings: Settings, archive_name: str, version: str, labels: list[str]) -> None:
    """Send a JPEG image to one version and check its answer.

    ``labels`` are those it must answer with, a probability for each; an archive that does not name its labels
    need only answer 200. Raises InferenceError otherwise.
    """
    from scripts.probes import probe_files  # imports NumPy

    what = f"version {version} of {archive_name}"
    try:
        with requests.Session() as session:
            session.trust_env = False
            response = session.post(
                f"http://127.0.0.1:{settings.inference_port}/predictions/{quote(archive_name)}/{quote(version)}",
                data=probe_files(_SEED)["frame.jpg"],
                headers={"Authorization": f"Bearer {_token(settings)}", "Content-Type": "application/octet-stream"},
                timeout=_SECONDS,
            )
    except requests.RequestException as error:
        raise InferenceError(f"{what} does not answer its probe: {error}") from error
    if not response.ok:
        raise InferenceError(f"{what} answers its probe with {response.status_code}: {response.text.strip()[:300]}")
    if labels:
        problem = _problem(response, version, labels)
        if problem:
            raise InferenceError(f"{what} answers its probe wrongly: {problem}")


def _problem(response: requests.Response, version: str, labels: list[str]) -> str | None:
    try:
        answer: dict[str, Any] = response.json()
        probabilities = [float(answer["predictions"][label]) for label in labels]
    except (ValueError, KeyError, TypeError) as error:
        return f"no probability for every label ({error!r}): {response.text[:200]}"
    if answer.get("version") != version:
        return f"its version is {answer.get('version')!r}"
    if len(answer["predictions"]) != len(labels):
        return f"its labels are {', '.join(answer['predictions'])}"
    if not abs(sum(probabilities) - 1) < 1e-3 or min(probabilities) < 0:
        return f"its probabilities are {probabilities}"
    return None


def _token(settings: Settings) -> str:
    try:
        return str(json.loads(settings.key_file.read_text(encoding="utf-8"))["inference"]["key"])
    except (OSError, ValueError, KeyError) as error:
        raise InferenceError(f"{settings.key_file}: no inference key in it yet") from error
