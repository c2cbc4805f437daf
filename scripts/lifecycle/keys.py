"""``scripts/models key``: the keys of remote management (MANAGEMENT_LISTEN)."""

from __future__ import annotations

from scripts.access.commands import new_key_app
from scripts.access.key_file import KeyFile

app = new_key_app(
    "Make, list or remove the keys of remote management (MANAGEMENT_LISTEN).",
    file=lambda settings: KeyFile(settings.management_keys),
    after=lambda _: None,
)
