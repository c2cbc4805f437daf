"""Before a start: whether the stack can listen where its settings say."""

from __future__ import annotations

import errno
from pathlib import Path

from scripts.errors import UserError
from scripts.processes import listening_error
from scripts.settings import Settings

# https://docs.kernel.org/networking/ip-sysctl.html
_FIRST_FREE_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


class AddressError(UserError):
    """The stack cannot listen where a setting says; the message names the setting, the reason and the remedy."""


def refuse_unusable_addresses(settings: Settings) -> None:
    """Raise AddressError for the first address that cannot be listened on."""
    for name, port in settings.ports.items():
        address = settings.bind_address if name == "PORT" else "127.0.0.1"
        if error := listening_error(address, port):
            raise AddressError(f"{_named(name, address, port, error)}: {_reason(error, name, port)}")
    address, _, number = settings.management_listen.rpartition(":")
    if number and (error := listening_error(address.strip("[]"), int(number))):
        name = "MANAGEMENT_LISTEN"
        raise AddressError(f"{name}={settings.management_listen}: {_reason(error, name, int(number))}")


def _named(name: str, address: str, port: int, error: OSError) -> str:
    """The setting that is at fault, with its value."""
    at_the_port = name != "PORT" or error.errno in (errno.EADDRINUSE, errno.EACCES)
    return f"{name}={port}" if at_the_port else f"BIND_ADDRESS={address}"


def _reason(error: OSError, name: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        other = "" if name == "MANAGEMENT_LISTEN" else f", as in `{name}={port + 1 if port < 65535 else port - 1}`"
        return f"the port is taken; free it or set another{other}"
    if error.errno == errno.EACCES:
        return (
            f"this user may not listen below port {_first_free_port()}; set a higher one, or let root allow it with "
            f"`sysctl net.ipv4.ip_unprivileged_port_start={port}`"
        )
    if error.errno == errno.EAFNOSUPPORT:
        return "this machine has no IPv6; set an IPv4 address"
    return f"no address of this machine ({error.strerror}); `ip address` lists them, and 0.0.0.0 or :: means all"


def _first_free_port() -> int:
    try:
        return int(_FIRST_FREE_PORT.read_text())
    except (OSError, ValueError):
        return 1024
