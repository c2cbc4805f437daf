"""What was registered last, and what a user had unregistered: ``registered.json`` in the run directory, with
TorchServe's snapshots, which say what was changed since.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.settings import Settings
from scripts.store.choices import chosen_version
from scripts.torchserve.snapshot import Entry, Snapshot, default_version, is_snapshot, read_written, written_files


def last_state(settings: Settings) -> tuple[Snapshot, set[str]]:
    """What shall be registered again, and the models that a user had unregistered.

    A version that was waited for, while another one served in its place, is still waited for unless somebody has
    chosen since.
    """
    state = _read_state(state_file(settings))
    models, waiting = state["models"], state["waiting"]
    written = [path for path in written_files(settings) if path.name not in state["consumed"]]
    snapshots = (found for path in reversed(written) if (found := read_written(path)) is not None)
    last = next(snapshots, None) if state["done"] else None
    if last is None:
        return models | waiting, set(state["unregistered"])
    gone = models.keys() - last.keys()
    awaited = {
        name: versions
        for name, versions in waiting.items()
        if name not in last or _is_awaited(settings, name, versions, last[name], models.get(name))
    }
    kept = {name: versions for name, versions in (last | awaited).items() if name in last or name not in gone}
    return kept, (set(state["unregistered"]) | gone) - last.keys()


def state_file(settings: Settings) -> Path:
    """``registered.json``; a file of its former name is taken over."""
    path, former = settings.run_dir / "registered.json", settings.run_dir / "models.json"
    if former.exists() and not path.exists():  # its name until version 1.1
        former.replace(path)
    return path


def _is_awaited(
    settings: Settings,
    name: str,
    awaited: dict[str, Entry],
    last: dict[str, Entry],
    in_its_place: dict[str, Entry] | None,
) -> bool:
    """Whether what the last start registered in place of a version serves still, and nobody settled for it."""
    if in_its_place is None or default_version(in_its_place) != default_version(last):
        return False
    return chosen_version(settings, name) in (None, default_version(awaited))


def _read_state(path: Path) -> dict[str, Any]:
    empty: dict[str, Any] = {"models": {}, "waiting": {}, "unregistered": [], "done": False, "consumed": []}
    try:
        state = json.loads(path.read_text(encoding="utf-8"))
        usable = state.keys() == empty.keys() and is_snapshot(state["models"]) and is_snapshot(state["waiting"])
        return dict(state) if usable else empty
    except (OSError, ValueError, AttributeError):
        return empty
