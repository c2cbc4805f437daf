"""Before a start: free ports for TorchServe, and whether the stack can listen where its settings say."""

from __future__ import annotations

import errno
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from scripts.errors import UserError
from scripts.processes import listening_error, taken_ports
from scripts.running import internal_ports
from scripts.settings import Settings

# https://docs.kernel.org/networking/ip-sysctl.html
_FIRST_FREE_PORT = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")


class AddressError(UserError):
    """The stack cannot listen where a setting says; the message names the setting, the reason and the remedy."""


def with_free_ports(settings: Settings, given: Collection[str]) -> Settings:
    """The settings with a free port for each of TorchServe's APIs that is not among the ``given`` ones.

    That is the usual port, or else the next free one above it.
    """
    used = {port for name, port in settings.ports.items() if name == "PORT" or name in given}

    def free(name: str, usual: int) -> int:
        if name in given:
            return usual
        above = (port for port in range(usual, 65536) if port not in used and not taken_ports([port], "127.0.0.1"))
        used.add(port := next(above, usual))
        return port

    chosen = {name: free(name, usual) for name, usual in internal_ports(settings).items()}
    return replace(
        settings,
        inference_port=chosen["INFERENCE_PORT"],
        management_port=chosen["MANAGEMENT_PORT"],
        metrics_port=chosen["METRICS_PORT"],
    )


def refuse_unusable_addresses(settings: Settings) -> None:
    """Raise AddressError that names all addresses which cannot be listened on, a line each."""
    problems = []
    for name, port in settings.ports.items():
        address = settings.bind_address if name == "PORT" else "127.0.0.1"
        if error := listening_error(address, port):
            problems.append(f"{_named(name, address, port, error)}: {_reason(error, name, port)}")
    address, _, number = settings.management_listen.rpartition(":")
    if number and (error := listening_error(address.strip("[]"), int(number))):
        name = "MANAGEMENT_LISTEN"
        problems.append(f"{name}={settings.management_listen}: {_reason(error, name, int(number))}")
    if problems:
        raise AddressError("\n".join(problems))


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
