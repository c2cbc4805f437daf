"""Write a number into ``models.json``, and leave every other character of it as it is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from scripts.catalogue import load_catalogue
from scripts.evaluation import EvaluationError
from scripts.files import cannot_write, write_text

_BEFORE_BRACE = re.compile(r"(\s*)\}$")


def set_number(path: Path, name: str, key: str, number: float) -> None:
    """Set ``key``, such as ``temperature``, of the entry ``name`` in the catalogue ``path``.

    Raises CatalogueError for a catalogue that cannot be read, EvaluationError where it has no such entry, is written in
    a way that cannot be changed piece by piece, or cannot be written.
    """
    if name not in load_catalogue(path):
        raise EvaluationError(f"--write: {path.name} has no {name!r}; run it where the service runs, with its settings")
    text = path.read_bytes().decode()  # with its line ends
    wanted = json.loads(text.removeprefix("\ufeff"))
    wanted[name][key] = number
    start, end = _entry(text, name)
    changed = text[:start] + _with_number(text[start:end], key, number) + text[end:]
    if not start or json.loads(changed.removeprefix("\ufeff")) != wanted:
        raise EvaluationError(f'--write: add "{key}": {number} to the entry of {name} in {path.name} yourself')
    try:
        write_text(path, changed)
    except OSError as error:
        raise EvaluationError(cannot_write(error, path)) from error


def _entry(text: str, name: str) -> tuple[int, int]:
    """Where the object of an entry begins and ends; (0, 0) where the name is written in another way."""
    key = re.search(re.escape(json.dumps(name, ensure_ascii=False)) + r"\s*:\s*(?=\{)", text)
    return (key.end(), json.JSONDecoder().raw_decode(text, key.end())[1]) if key else (0, 0)


def _with_number(entry: str, key: str, number: float) -> str:
    value = re.compile(rf'("{key}"\s*:\s*)(null|[-+.\dEe]+)')
    if value.search(entry):
        return value.sub(rf"\g<1>{number}", entry, count=1)
    keys = re.search(r'\{(\s*)"', entry)
    space = (keys[1] if keys else "") or " "
    return _BEFORE_BRACE.sub(rf',{space}"{key}": {number}\1}}', entry)
