"""``scripts/models key``: the keys of remote management (MANAGEMENT_LISTEN)."""

from __future__ import annotations

from scripts.access.commands import new_key_app
from scripts.access.key_file import KeyFile
from scripts.lifecycle.audit import audited
from scripts.settings import Settings


class _LoggedKeys(KeyFile):
    """The keys; who makes or removes one is logged, as every change of the models is."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.management_keys)
        self._settings = settings

    def add(self, name: str) -> str:
        with audited(self._settings, "key add", f"name={name}"):
            return super().add(name)

    def remove(self, name: str) -> None:
        with audited(self._settings, "key remove", f"name={name}"):
            super().remove(name)


app = new_key_app(
    "Make, list or remove the keys of remote management (MANAGEMENT_LISTEN).",
    file=_LoggedKeys,
    after=lambda _: None,
    command="scripts/models key",
)
