"""Modules of proxy/njs by themselves, under Node.js: thousands of calls in seconds, without nginx."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.settings import ROOT
from tests.support.commands import program_is_missing

KEYS = {"management": {"key": "m"}, "inference": {"key": "i"}}


@dataclass(frozen=True)
class Call:
    """A function of a module and its arguments; ``fetched`` are the replies (status, text) that ngx.fetch() brings.

    ``clock``: after how many milliseconds the time of day is changed, and by how many.
    """

    module: str
    name: str
    given: Sequence[Any]
    fetched: Sequence[tuple[int, str]] = ()
    clock: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Result:
    """What a call returned (bytes as bytes), what it asked, how many replies were left, and how long it took."""

    returned: Any
    left: int
    asked: list[str]
    milliseconds: float


class Modules:
    """The modules, copied into ``folder`` so that Node.js finds them by the names nginx knows them by."""

    def __init__(self, folder: Path) -> None:
        if shutil.which("node") is None:
            program_is_missing("node is not installed: apt-get install nodejs")
        self._folder = folder
        for part in (ROOT / "proxy" / "njs").iterdir():
            if part.is_dir():
                copy = folder / "node_modules" / part.name
                shutil.copytree(part, copy)
                (copy / "package.json").write_text('{"type": "module"}')
        shutil.copy(Path(__file__).with_suffix(".mjs"), folder)
        (folder / "keys.json").write_text(json.dumps(KEYS))

    def call(self, calls: Sequence[Call], **more_settings: Any) -> list[Result]:
        """Make the calls one after the other; they share nginx's dictionary."""
        settings = {
            "key_file": str(self._folder / "keys.json"),
            "management_url": "http://127.0.0.1",
            "predict_timeout": 30,
            "closing": "",
            "same_container": True,
            **more_settings,
        }
        cases = [
            {
                "module": call.module,
                "name": call.name,
                "given": [_encoded(value) for value in call.given],
                "clock": call.clock,
                "fetched": [{"status": status, "text": text} for status, text in call.fetched],
            }
            for call in calls
        ]
        made = subprocess.run(
            ["node", "modules.mjs"],
            cwd=self._folder,
            input=json.dumps({"settings": settings, "cases": cases}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert made.returncode == 0, made.stderr
        results = json.loads(made.stdout)
        return [Result(**{**result, "returned": _decoded(result["returned"])}) for result in results]


def _encoded(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value.keys() == {"base64"}:
        return base64.b64decode(value["base64"])
    return {name: _decoded(part) for name, part in value.items()}
