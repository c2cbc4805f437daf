"""Whether a client's TCP connection to the proxy still stands, as the kernel says.

The proxy notices only when it sends the answer. Its connections can be looked up here, since it reaches TorchServe at
127.0.0.1: both share one network namespace. One look-up takes some 20 microseconds and no privilege.
https://www.man7.org/linux/man-pages/man7/sock_diag.7.html
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from typing import Final

_SOCK_DIAG: Final = 4  # NETLINK_SOCK_DIAG
_BY_FAMILY: Final = 20  # SOCK_DIAG_BY_FAMILY
_REQUEST: Final = 1  # NLM_F_REQUEST
_ERROR: Final = 2  # NLMSG_ERROR
_ESTABLISHED: Final = 1
_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port of struct nlmsghdr
_TIMEOUT: Final = 0.5  # seconds; the kernel answers at once


def is_open(connection: str) -> bool:
    """Whether a connection is established; True also where that cannot be told.

    ``connection`` is ``"<client's address> <port> <proxy's address> <port>"``. A client that has ended its half of the
    connection counts as gone, as it does for nginx.
    """
    try:
        return _state(_look_up(_question(connection))) == _ESTABLISHED
    except FileNotFoundError:
        return False
    except (ValueError, OSError, struct.error):
        return True


def _question(connection: str) -> bytes:
    """A struct inet_diag_req_v2 for one connection. Raises ValueError for text that names none."""
    peer, peer_port, own, own_port = connection.split()
    addresses = [ipaddress.ip_address(own), ipaddress.ip_address(peer)]
    family = socket.AF_INET if addresses[0].version == 4 else socket.AF_INET6
    ports = struct.pack("!HH", int(own_port), int(peer_port))
    places = b"".join(address.packed.ljust(16, b"\0") for address in addresses)
    any_interface, no_cookie = struct.pack("=I", 0), b"\xff" * 8
    head = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF)
    return head + ports + places + any_interface + no_cookie


def _look_up(question: bytes) -> bytes:
    with socket.socket(socket.AF_NETLINK, socket.SOCK_DGRAM, _SOCK_DIAG) as kernel:
        kernel.settimeout(_TIMEOUT)
        kernel.send(_HEADER.pack(_HEADER.size + len(question), _BY_FAMILY, _REQUEST, 0, 0) + question)
        return kernel.recv(8192)


def _state(answer: bytes) -> int:
    """The TCP state in the kernel's answer. Raises OSError, FileNotFoundError where there is no such connection."""
    if _HEADER.unpack_from(answer)[1] != _ERROR:
        return answer[_HEADER.size + 1]
    (code,) = struct.unpack_from("=i", answer, _HEADER.size)
    raise FileNotFoundError if -code == errno.ENOENT else OSError(-code, "sock_diag")
