"""What a host serves that builds nothing: the archives of a model store that was built elsewhere."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterable

from scripts.errors import UserError
from scripts.settings import Settings
from scripts.store.index import SERVE_ONLY, STAND_IN_REFUSED, IndexEntry, read_index, refuse, write_index
from scripts.store.stand_ins import stand_ins_may_serve

_NEEDS_TORCH = "its archive needs PyTorch (RUNTIME=torch), which SERVE_ONLY=1 does not install; build it without"


class ServeOnlyError(UserError):
    """There is nothing to serve, or something would have to be built; the message says what to do."""


def check_store(settings: Settings, names: Iterable[str]) -> None:
    """See that the model store can be served from, and say in its index which archives this host cannot serve.

    Raises ServeOnlyError where it has no archive of any of the models.
    """
    entries = read_index(settings.index_file)
    if not any(entries.get(name, {}).get("archive") for name in names):
        raise ServeOnlyError(
            f"MODEL_STORE={settings.model_store}: has no archives with their index.json, and with SERVE_ONLY=1 none "
            "are built; copy the folder from where `make archives` was run, or unset SERVE_ONLY"
        )
    if refuse(entries, SERVE_ONLY, {name: _refusal(settings, entry) for name, entry in entries.items()}):
        with contextlib.suppress(OSError):  # a model store that is read-only
            write_index(settings.index_file, entries)


def _refusal(settings: Settings, entry: IndexEntry) -> str | None:
    if not entry.get("archive") or (entry.get("error") and entry.get("refused_by") != SERVE_ONLY):
        return None
    if entry.get("stand_in") and not stand_ins_may_serve(settings):
        return STAND_IN_REFUSED
    if entry.get("runtime") == "torch" and importlib.util.find_spec("torch") is None:
        return _NEEDS_TORCH
    return None


def refuse_to_build_without_torch() -> None:
    """Raise ServeOnlyError where only what serves is installed."""
    if importlib.util.find_spec("torch") is None:
        raise ServeOnlyError(
            "building needs PyTorch, which SERVE_ONLY=1 left out; run `make setup` without it, or build on another "
            "machine and copy model_store/ here"
        )
