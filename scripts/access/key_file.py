"""Files of keys: each key has a name, and only its hash is stored."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
import secrets
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.files import cannot_write, write_text

# Each key is a label of the metrics; proxy/njs/access/ takes no more either.
MAX_KEYS = 100
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


class KeyNameError(UserError):
    """A key cannot be made or removed under this name; the message says why."""


class KeyFileError(UserError):
    """A file of keys cannot be read or written; the message says why and what to do."""


class KeyFile:
    """The keys in the file ``path``, which need not exist yet.

    A key has 256 random bits, so that its plain SHA-256 can stand for it: nobody finds the key of a hash by guessing,
    which is what slow hashes are for with passwords.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, dict[str, Any]]:
        """The keys by name: ``sha256``, when it was ``made`` (UTC), and its limits, if any. Raises KeyFileError."""
        try:
            keys = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise KeyFileError(f"{self.path} cannot be read ({error.strerror}); check its rights") from error
        except ValueError:
            keys = None
        if not isinstance(keys, dict):
            raise KeyFileError(f"{self.path} holds no keys; mend it, or remove it and make new ones")
        return keys

    def add(self, name: str) -> str:
        """Make a key. Returns it; it cannot be shown again. Raises KeyNameError for a taken name, and KeyFileError."""
        keys = self.read()
        if not _NAME.fullmatch(name):
            raise KeyNameError(f"{name!r}: name a key with letters, digits, '_', '.', '@' and '-', at most 64")
        if name in keys:
            raise KeyNameError(f"{name!r}: there is a key of this name; remove it first, or choose another name")
        if len(keys) >= MAX_KEYS:
            raise KeyNameError(f"{name!r}: there are {MAX_KEYS} keys already; remove one first")
        key = secrets.token_urlsafe(32)
        made = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        self._write(keys | {name: {"sha256": hashlib.sha256(key.encode()).hexdigest(), "made": made}})
        return key

    def remove(self, name: str) -> None:
        """Remove a key, which the proxy soon refuses. Raises KeyNameError if there is none of it, and KeyFileError."""
        keys = self.read()
        self._find(keys, name)
        self._write({other: key for other, key in keys.items() if other != name})

    def limit(self, name: str, requests: int, rate: int) -> None:
        """Give a key limits of its own: ``requests`` under way, ``rate`` a second; 0 is none. Raises as ``remove``."""
        keys = self.read()
        limits = {"requests": requests, "rate": rate}
        kept = {field: value for field, value in self._find(keys, name).items() if field not in limits}
        self._write(keys | {name: kept | {field: value for field, value in limits.items() if value}})

    @staticmethod
    def _find(keys: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
        if name not in keys:
            raise KeyNameError(f"{name!r}: there is no key of this name; there are: {', '.join(keys) or 'none'}")
        return keys[name]

    def _write(self, keys: dict[str, dict[str, Any]]) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_text(self.path, json.dumps(keys, indent=2) + "\n", mode=0o600)
        except OSError as error:
            raise KeyFileError(cannot_write(error, self.path)) from error
