"""Addresses and names of the settings as nginx's configuration has them, and what is refused in them."""

from __future__ import annotations

import re
from ipaddress import ip_address

from scripts.errors import UserError
from scripts.settings import Settings

_ORIGIN = re.compile(r"^https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$")
_HOST_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")


class ProxyError(UserError):
    """The proxy cannot be configured or started; the message says why and what to do."""


def hosts(address: str) -> list[str]:
    """Where nginx listens for BIND_ADDRESS. Raises ProxyError for what is no host's address or name.

    ``::`` stands for every address; one socket for both kinds would give IPv4's clients addresses of IPv6.
    """
    if address == "::":
        return ["[::]", "0.0.0.0"]  # noqa: S104
    try:
        return [f"[{address}]" if ip_address(address).version == 6 else address]
    except ValueError:
        if not _HOST_NAME.match(address):
            raise ProxyError(f"BIND_ADDRESS={address}: use an IP address or a host name of this machine") from None
        return [address]


def server_names(settings: Settings) -> list[str]:
    """The names to be served, the bound one among them; none if all are."""
    if "all" in settings.server_names:
        return []
    return list(dict.fromkeys([*settings.server_names, *_name(settings.bind_address)]))


def _name(address: str) -> list[str]:
    """A name of a host, in a list; addresses need not be named (server/hosts.conf.j2)."""
    try:
        ip_address(address)
    except ValueError:
        return [address.lower()]
    return []


def trusted(networks: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the proxies before this one. Raises ProxyError for ``all``."""
    if "all" in networks:
        raise ProxyError("TRUSTED_PROXIES=all: then any client could name any address; list those of your proxies")
    return networks


def origin(text: str) -> str:
    """A page's origin as a browser sends it. Raises ProxyError for anything else."""
    if not _ORIGIN.match(text):
        raise ProxyError(
            f"CORS_ORIGINS: {text} is not an origin; write each as a browser sends it, like https://app.example.org:8443"
        )
    return text
