"""Where the stack cannot listen, and what it says then."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from scripts.processes import listening_error
from scripts.settings import ROOT, load_settings
from scripts.stack.addresses import AddressError, refuse_unusable_addresses, with_free_ports
from tests.support.ports import free_ports

NAMES = ("PORT", "INFERENCE_PORT", "MANAGEMENT_PORT", "METRICS_PORT")
PRIVILEGED = 80
CHECK = """
import os
from scripts.settings import load_settings
from scripts.stack.addresses import refuse_unusable_addresses
settings = load_settings()
if os.geteuid() == 0:
    os.setuid(65534)  # nobody
refuse_unusable_addresses(settings)
"""


def ports(**others: str) -> dict[str, str]:
    return {**dict(zip(NAMES, map(str, free_ports(4)), strict=True)), **others}


def refusal(**settings: str) -> str:
    with pytest.raises(AddressError) as refused:
        refuse_unusable_addresses(load_settings(ports(**settings)))
    return str(refused.value)


def test_free_addresses_are_taken() -> None:
    refuse_unusable_addresses(load_settings(ports()))


@pytest.mark.parametrize("address", ["127.0.0.1", "::", "0.0.0.0"])
def test_a_taken_port_is_named_also_if_only_ipv4_has_it(address: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        other = port + 1 if port < 65535 else port - 1
        assert refusal(PORT=str(port), BIND_ADDRESS=address) == (
            f"PORT={port}: the port is taken; free it or set another, as in `PORT={other}`"
        )
        assert refusal(MANAGEMENT_LISTEN=f"127.0.0.1:{port}") == (
            f"MANAGEMENT_LISTEN=127.0.0.1:{port}: the port is taken; free it or set another"
        )


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_is_named(address: str) -> None:
    message = refusal(BIND_ADDRESS=address)
    assert message.startswith(f"BIND_ADDRESS={address}: no address of this machine (Cannot assign requested address); ")
    assert "`ip address` lists them" in message


def test_a_name_that_is_no_host_is_not_called_a_taken_port() -> None:
    assert refusal(BIND_ADDRESS="foo.invalid").startswith("BIND_ADDRESS=foo.invalid: no address of this machine (")


def test_all_taken_ports_are_named_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        taken = {"PORT": one.getsockname()[1], "METRICS_PORT": other.getsockname()[1]}
        lines = refusal(**{name: str(port) for name, port in taken.items()}).splitlines()
    assert [line.partition(":")[0] for line in lines] == [f"{name}={port}" for name, port in taken.items()]


def test_ports_of_torchserve_are_free_ones_unless_they_are_set() -> None:
    with two_in_a_row() as (inference, management):
        settings = load_settings(ports(INFERENCE_PORT=str(inference), MANAGEMENT_PORT=str(management)))
        assert with_free_ports(settings, {*NAMES}) == settings
        chosen = with_free_ports(settings, {"PORT", "METRICS_PORT"})
        assert (chosen.port, chosen.metrics_port) == (settings.port, settings.metrics_port)
        assert chosen.inference_port > management
        assert len(set(chosen.ports.values())) == 4
        refuse_unusable_addresses(chosen)


@contextlib.contextmanager
def two_in_a_row() -> Generator[tuple[int, int]]:
    """Two taken ports, of which the second is the one after the first."""
    while True:
        first = free_ports(1)[0]
        with contextlib.suppress(OSError), contextlib.ExitStack() as servers:
            for port in (first, first + 1):
                servers.enter_context(socket.create_server(("127.0.0.1", port)))
            yield first, first + 1
            return


def test_a_port_of_the_proxy_that_torchserve_usually_has_is_left_to_the_proxy() -> None:
    chosen = with_free_ports(load_settings({"PORT": "8080"}), {"PORT"})
    assert chosen.port == 8080
    assert len(set(chosen.ports.values())) == 4


def test_a_port_for_root_alone_is_not_called_taken() -> None:
    first = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    if first <= PRIVILEGED:
        pytest.skip(f"this machine lets everybody listen on port {PRIVILEGED}")
    done = subprocess.run(
        [sys.executable, "-c", CHECK],
        cwd=ROOT,
        env={**os.environ, **ports(PORT=str(PRIVILEGED))},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.splitlines()[-1] == (
        f"scripts.stack.addresses.AddressError: PORT={PRIVILEGED}: this user may not listen below port {first}; set a "
        f"higher one, or let root allow it with `sysctl net.ipv4.ip_unprivileged_port_start={PRIVILEGED}`"
    )


def test_one_ipv6_address_leaves_ipv4_s_ports_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert listening_error("::1", server.getsockname()[1]) is None
