"""Running scripts/predict and the examples as people run them, and what the service itself answers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from scripts.catalogue import load_catalogue
from scripts.settings import ROOT

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack

MODEL = "VGG19_CK+48"
CATALOGUE = load_catalogue(ROOT / "models.json")


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=180, check=False
    )


def predict(stack: RunningStack, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "scripts" / "predict"), *map(str, arguments)]
    return run(command, **{**stack.environment, "COLUMNS": "160"})


def answer_of(stack: RunningStack, image: Path, model: str) -> dict[str, Any]:
    with image.open("rb") as file:
        answer = requests.post(f"{stack.url}/api/v1/predict", files={"file": file}, data={"model": model}, timeout=60)
    body: dict[str, Any] = answer.json()
    return body
