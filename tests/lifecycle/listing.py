"""What ``scripts/models list`` says, without the command, which would take half a second of a core each time."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from scripts.catalogue import load_catalogue
from scripts.lifecycle.listing import list_rows
from scripts.store.index import read_index
from tests.support.models import SERVED
from tests.support.stacks import RunningStack


def all_rows(stack: RunningStack) -> list[dict[str, Any]]:
    """Those of all models; test_models_command.py compares them with what the command prints."""
    settings = stack.settings
    rows = list_rows(settings, load_catalogue(settings.catalogue), read_index(settings.index_file))
    return [asdict(row) for row in rows]


def rows_of(stack: RunningStack, model: str = SERVED) -> list[dict[str, Any]]:
    """Those of one model, its default version first."""
    return [row for row in all_rows(stack) if row["model"] == model]
