"""The values of environment variables, checked and converted."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path

from scripts.errors import UserError

# An address and a port, as nginx's "listen" takes them.
_LISTEN = re.compile(r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$")
# A host, or all below one, as nginx's "server_name" takes them.
_SERVER_NAME = re.compile(r"^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")

# An address with or without a path, whose parts nobody here looks at.
_URL = re.compile(r"^https?://[A-Za-z0-9._~:/@%\[\]-]+$")
# An address without a path.
_ORIGIN = re.compile(r"^https?://(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+)(:[0-9]{1,5})?$")
# A path of an address; neither "." nor ".." is a part of it.
_URL_PATH = re.compile(r"^(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+$")


def is_loopback(host: str) -> bool:
    """Whether a host's address or name leads to this machine alone; a name but localhost may mean any address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class SettingsError(UserError):
    """A setting has a value that cannot be used; the message names both and the remedy."""


class Environment:
    """``values`` by their names; relative paths start at ``base``.

    An empty value counts as unset. Each method raises SettingsError for a value that cannot be used.
    """

    def __init__(self, values: Mapping[str, str], base: Path) -> None:
        self._values = values
        self._base = base

    def text(self, name: str, default: str) -> str:
        """The value without space around it."""
        return self._values.get(name, "").strip() or default

    def choice(
        self, name: str, default: str, choices: tuple[str, ...], synonyms: Mapping[str, str] | None = None
    ) -> str:
        """One of ``choices``, or one of ``synonyms``, which says for which of them; capitals do not matter."""
        value = self.text(name, default)
        chosen = (synonyms or {}).get(value.lower(), value.lower())
        if chosen not in choices:
            raise SettingsError(f"{name}={value}: use one of {', '.join(choices)}")
        return chosen

    def address(self, name: str, default: str) -> str:
        """An IP address or a host's name; an IPv6 address without the brackets that it has in a URL."""
        value = self.text(name, default)
        return value[1:-1] if value.startswith("[") and value.endswith("]") else value

    def path(self, name: str, default: str) -> Path:
        """A file or folder, absolute, with links followed."""
        return (self._base / self.text(name, default)).resolve()

    def link(self, name: str) -> Path | None:
        """A file that may be a link to another one tomorrow, so that the link is kept."""
        value = self.text(name, "")
        return Path(os.path.abspath(self._base / value)) if value else None

    def links(self, name: str) -> tuple[Path, ...]:
        """Several such files, separated by commas."""
        parts = [part.strip() for part in self.text(name, "").split(",")]
        return tuple(Path(os.path.abspath(self._base / part)) for part in parts if part)

    def url_path(self, name: str) -> str:
        """A path of an address, like ``/emotions``, without a slash at its end; empty for none."""
        value = self.text(name, "").rstrip("/")
        if value and not _URL_PATH.match(value):
            raise SettingsError(f"{name}={value}: use a path like /emotions, of letters, digits, ., _, ~ and -")
        return value

    def url(self, name: str) -> str:
        """An address by http or https; empty for none."""
        value = self.text(name, "")
        if value and not _URL.match(value):
            raise SettingsError(f"{name}={value}: use an address like http://localhost:4318")
        return value

    def origins(self, name: str) -> tuple[str, ...]:
        """Addresses by http or https without a path, separated by spaces, each once."""
        return origins(name, self.text(name, ""))

    def number(self, name: str, default: int, least: int = 0, most: int | None = None) -> int:
        """A whole number of at least ``least``, and at most ``most``."""
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit() or int(value) < least:
            raise SettingsError(f"{name}={value}: must be a whole number of at least {least}")
        if most is not None and int(value) > most:
            raise SettingsError(f"{name}={value}: must be at most {most}")
        return int(value)

    def networks(self, name: str, default: str) -> tuple[str, ...]:
        """IP addresses and networks; ``("all",)`` for all, empty for none."""
        text = self.text(name, default)
        if text in ("all", "none"):
            return ("all",) if text == "all" else ()
        return tuple(self._network(name, part) for part in text.split())

    @staticmethod
    def _network(name: str, text: str) -> str:
        try:
            return str(ip_network(text))
        except ValueError as error:
            raise SettingsError(
                f"{name}: {error}; write addresses or networks like 10.0.0.0/8, separated by spaces, or all, or none"
            ) from error

    def names(self, name: str, default: str) -> tuple[str, ...]:
        """Host names in small letters, ``*.example.org`` and ``all`` among them."""
        given = tuple(self.text(name, default).lower().split())
        for text in given:
            if text != "all" and not _SERVER_NAME.match(text):
                raise SettingsError(
                    f"{name}: {text} is not a host name; write names like emotions.example.org or *.example.org, "
                    "without scheme and port, separated by spaces, or all"
                )
        return given

    def nodes(self, name: str) -> tuple[str, ...]:
        """Addresses with ports, separated by spaces, each once."""
        given = tuple(dict.fromkeys(self.text(name, "").split()))
        for text in given:
            if not _is_listener(text):
                raise SettingsError(
                    f"{name}: {text} is no address with a port; write each as in 10.0.0.1:8000 or [fd00::1]:8000, "
                    "separated by spaces"
                )
        return given

    def port(self, name: str, default: int) -> int:
        """A TCP port."""
        value = self.number(name, default, least=1)
        if value > 65535:
            raise SettingsError(f"{name}={value}: a TCP port is at most 65535")
        return value

    def listener(self, name: str) -> str:
        """An address and a port, empty if it is not set."""
        value = self.text(name, "")
        if value and not _is_listener(value):
            raise SettingsError(f"{name}={value}: give an address and a port, as in 127.0.0.1:8443 or [::1]:8443")
        return value


def origins(name: str, text: str) -> tuple[str, ...]:
    """The addresses in ``text``, which is what ``name`` was given. Raises SettingsError."""
    given = tuple(dict.fromkeys(part.rstrip("/") for part in text.split()))
    for part in given:
        if not _ORIGIN.match(part):
            raise SettingsError(f"{name}: {part}: write each as in https://10.0.0.1:8443, separated by spaces")
    return given


def _is_listener(text: str) -> bool:
    found = _LISTEN.match(text)
    return found is not None and 0 < int(found[2]) < 65536


def refuse_shared_ports(ports: Mapping[str, int]) -> None:
    """Raise SettingsError if two of the ports, by their settings' names, are the same."""
    taken: dict[int, str] = {}
    for name, port in ports.items():
        if (other := taken.setdefault(port, name)) != name:
            raise SettingsError(f"{name}={port}: {other} has this port already; choose another")
