"""Keys for the management API on MANAGEMENT_LISTEN: each has a name, and only its hash is stored."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import secrets

from scripts.errors import UserError
from scripts.files import write_text
from scripts.settings import Settings

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$")


class KeyNameError(UserError):
    """A key cannot be made or removed under this name; the message says why."""


def read_keys(settings: Settings) -> dict[str, dict[str, str]]:
    """The keys by name: the SHA-256 of each, and when it was made (UTC)."""
    try:
        return dict(json.loads(settings.management_keys.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}


def add_key(settings: Settings, name: str) -> str:
    """Make a key of 256 random bits. Returns it; it cannot be shown again. Raises KeyNameError for a taken name."""
    keys = read_keys(settings)
    if not _NAME.match(name):
        raise KeyNameError(f"{name!r}: name a key with letters, digits, '_', '.', '@' and '-', at most 64")
    if name in keys:
        raise KeyNameError(f"{name!r}: there is a key of this name; remove it first, or choose another name")
    key = secrets.token_urlsafe(32)
    made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
    _write(settings, keys | {name: {"sha256": hashlib.sha256(key.encode()).hexdigest(), "made": made}})
    return key


def remove_key(settings: Settings, name: str) -> None:
    """Remove a key; the proxy refuses it from now on. Raises KeyNameError if there is none of this name."""
    keys = read_keys(settings)
    if name not in keys:
        raise KeyNameError(f"{name!r}: there is no key of this name; there are: {', '.join(keys) or 'none'}")
    _write(settings, {other: key for other, key in keys.items() if other != name})


def _write(settings: Settings, keys: dict[str, dict[str, str]]) -> None:
    settings.management_keys.parent.mkdir(parents=True, exist_ok=True)
    write_text(settings.management_keys, json.dumps(keys, indent=2) + "\n", mode=0o600)
