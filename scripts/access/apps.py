"""Who may use the service: apps with a key, or everybody (ALLOW_ANONYMOUS)."""

from __future__ import annotations

from scripts.access.key_file import KeyFile
from scripts.errors import UserError
from scripts.settings import Settings

_MAKE_ONE = "make one with `scripts/keys add NAME`"


class NoKeysError(UserError):
    """The service would ask for keys, and there are none; the message names the setting and what to do."""


def app_keys(settings: Settings) -> KeyFile:
    """The keys of apps."""
    return KeyFile(settings.api_keys_file)


def refuse_start_without_keys(settings: Settings) -> None:
    """Raise NoKeysError when keys are required and there are none, and KeyFileError when they cannot be read."""
    if not settings.keys_required or app_keys(settings).read():
        return
    if settings.allow_anonymous == "0":
        raise NoKeysError(f"ALLOW_ANONYMOUS=0: a key is required, but there is none; {_MAKE_ONE}")
    raise NoKeysError(
        f"BIND_ADDRESS={settings.bind_address}: others can reach the service, so a key is required, but there is none; "
        f"{_MAKE_ONE}, or let everybody use it with ALLOW_ANONYMOUS=1"
    )
