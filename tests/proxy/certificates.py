"""What a proxy with TLS answers with, and by which processes."""

from __future__ import annotations

import socket

import psutil

from tests.support.authority import Authority
from tests.support.proxies import RunningProxy


def serial(authority: Authority, address: str) -> str:
    """The serial number of the certificate that a new connection gets."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as sock,
        authority.client().wrap_socket(sock, server_hostname=host) as tls,
    ):
        certificate = tls.getpeercert()
        assert certificate
        return str(certificate["serialNumber"])


def workers(proxy: RunningProxy) -> set[psutil.Process]:
    return set(psutil.Process(proxy.pid).children())
