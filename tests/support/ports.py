"""Free ports, for stacks that run beside each other."""

from __future__ import annotations

import contextlib
import random
import socket

# Below the range that Linux takes the ports of outgoing connections from, so that none of those is in the way.
_PORTS = range(12_000, 32_000)


def free_ports(count: int) -> list[int]:
    """TCP ports nothing listens on, all different."""
    with contextlib.ExitStack() as sockets:
        ports: list[int] = []
        while len(ports) < count:
            probe, port = sockets.enter_context(socket.socket()), random.choice(_PORTS)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                ports.append(port)
        return ports
