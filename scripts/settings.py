"""The settings of a stack, read from the environment (``make`` passes its variables there)."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path

from scripts.errors import UserError

ROOT = Path(__file__).resolve().parent.parent

# The web client's development servers (Vite and Create React App); the default of CORS_ORIGINS.
DEFAULT_ORIGINS = "http://localhost:5173 https://localhost:5173 http://localhost:3000 https://localhost:3000"
# Loopback, and the private ranges of RFC 1918 and RFC 4193.
DEFAULT_METRICS_ALLOW = "127.0.0.0/8 ::1 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16 fc00::/7"
# An address and a port, as nginx's "listen" takes them.
_LISTEN = re.compile(r"^(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9.-]+):([0-9]{1,5})$")
# A host, or all below one, as nginx's "server_name" takes them.
_SERVER_NAME = re.compile(r"^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")
# Addresses at which this machine is reached as localhost.
_LOCAL = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104
LOG_LEVELS = ("debug", "info", "warning", "error")
RUNTIMES = ("auto", "openvino", "torch")
JPEG_DECODINGS = ("exact", "reduced")


class SettingsError(UserError):
    """A setting has a value that cannot be used; the message names both and the remedy."""


@dataclass(frozen=True)
class Settings:
    """Where a stack listens and keeps its files. Ports are TCP ports, times are seconds, paths absolute."""

    bind_address: str
    port: int
    inference_port: int
    management_port: int
    metrics_port: int
    catalogue: Path
    results_dir: Path
    model_store: Path
    run_dir: Path
    load_models: str
    max_workers: int
    runtime: str
    log_level: str
    server_names: tuple[str, ...]
    cors_origins: tuple[str, ...]
    metrics_allow: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    client_requests: int
    rate_limit: int
    rate_burst: int
    predict_timeout: int
    load_timeout: int
    max_pixels: int
    max_decode_memory: int
    max_decode_seconds: int
    jpeg_decoding: str
    nginx: str | None
    management_listen: str
    tls_certificate: Path | None
    tls_key: Path | None
    management_tls_certificate: Path | None
    management_tls_key: Path | None
    hsts_max_age: int

    @property
    def url(self) -> str:
        """The proxy's address as a person on this machine opens it; with TLS, by a name its certificate may have."""
        names = [name for name in self.server_names if name != "all" and "*" not in name]
        local = "localhost" if {"localhost", "all"} & set(self.server_names) else "127.0.0.1"
        own = (names or [local])[0] if self.tls_certificate else local
        host = own if self.bind_address in _LOCAL else self.bind_address
        return f"{'https' if self.tls_certificate else 'http'}://{host}:{self.port}"

    @property
    def management_url(self) -> str:
        """TorchServe's management API."""
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def ports(self) -> dict[str, int]:
        """The four TCP ports by the name of their setting."""
        return {
            "PORT": self.port,
            "INFERENCE_PORT": self.inference_port,
            "MANAGEMENT_PORT": self.management_port,
            "METRICS_PORT": self.metrics_port,
        }

    @property
    def torchserve_dir(self) -> Path:
        """TorchServe's working directory; it writes ``key_file.json`` there."""
        return self.run_dir / "torchserve"

    @property
    def key_file(self) -> Path:
        """TorchServe's tokens; it writes new ones at each start."""
        return self.torchserve_dir / "key_file.json"

    @property
    def management_keys(self) -> Path:
        """Who may use the management API on MANAGEMENT_LISTEN."""
        return self.run_dir / "management_keys.json"

    @property
    def supervision_file(self) -> Path:
        """What the supervisor says of the stack's parts (scripts/stack/supervision.py)."""
        return self.run_dir / "supervisor.json"

    @property
    def log_dir(self) -> Path:
        """Logs of TorchServe and the proxy."""
        return self.run_dir / "logs"

    @property
    def index_file(self) -> Path:
        """What the build says of each model: archive, version, error."""
        return self.model_store / "index.json"


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environment`` (default: this process's).

    An empty value counts as unset. Raises SettingsError for a value that cannot be used.
    """
    env = _Environment(os.environ if environment is None else environment)
    settings = Settings(
        bind_address=env.text("BIND_ADDRESS", "127.0.0.1"),
        port=env.port("PORT", 8000),
        inference_port=env.port("INFERENCE_PORT", 8080),
        management_port=env.port("MANAGEMENT_PORT", 8081),
        metrics_port=env.port("METRICS_PORT", 8082),
        catalogue=env.path("CATALOGUE", "models.json"),
        results_dir=env.path("RESULTS_DIR", "results"),
        model_store=env.path("MODEL_STORE", "model_store"),
        run_dir=env.path("RUN_DIR", ".run"),
        load_models=env.text("LOAD_MODELS", ""),
        max_workers=env.number("MAX_WORKERS", 0),
        runtime=env.choice("RUNTIME", "auto", RUNTIMES),
        log_level=env.choice("LOG_LEVEL", "info", LOG_LEVELS),
        server_names=env.names("SERVER_NAMES", "localhost"),
        cors_origins=tuple(env.text("CORS_ORIGINS", DEFAULT_ORIGINS).split()),
        metrics_allow=env.networks("METRICS_ALLOW", DEFAULT_METRICS_ALLOW),
        trusted_proxies=env.networks("TRUSTED_PROXIES", "none"),
        client_requests=env.number("CLIENT_REQUESTS", 64),
        rate_limit=env.number("RATE_LIMIT", 0),
        rate_burst=env.number("RATE_BURST", 100),
        predict_timeout=env.number("PREDICT_TIMEOUT", 30, least=1),
        load_timeout=env.number("LOAD_TIMEOUT", 60, least=1),
        max_pixels=env.number("MAX_PIXELS", 50_000_000, least=1),
        max_decode_memory=env.number("MAX_DECODE_MEMORY", 256, least=1),
        max_decode_seconds=env.number("MAX_DECODE_SECONDS", 2, least=1),
        jpeg_decoding=env.choice("JPEG_DECODING", "exact", JPEG_DECODINGS),
        nginx=env.text("NGINX", "") or None,
        management_listen=env.listener("MANAGEMENT_LISTEN"),
        tls_certificate=env.link("TLS_CERTIFICATE"),
        tls_key=env.link("TLS_KEY"),
        management_tls_certificate=env.link("MANAGEMENT_TLS_CERTIFICATE"),
        management_tls_key=env.link("MANAGEMENT_TLS_KEY"),
        hsts_max_age=env.number("HSTS_MAX_AGE", 63_072_000),
    )
    _refuse_shared_ports(settings.ports)
    return settings


def _refuse_shared_ports(ports: Mapping[str, int]) -> None:
    taken: dict[int, str] = {}
    for name, port in ports.items():
        other = taken.setdefault(port, name)
        if other != name:
            raise SettingsError(f"{name}={port}: {other} has this port already; choose another")


class _Environment:
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str, default: str) -> str:
        return self._values.get(name, "").strip() or default

    def choice(self, name: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, default)
        if value not in choices:
            raise SettingsError(f"{name}={value}: use one of {', '.join(choices)}")
        return value

    def path(self, name: str, default: str) -> Path:
        return (ROOT / self.text(name, default)).resolve()

    def link(self, name: str) -> Path | None:
        """A file that may be a link to another one tomorrow, so that the link is kept."""
        value = self.text(name, "")
        return Path(os.path.abspath(ROOT / value)) if value else None

    def number(self, name: str, default: int, least: int = 0) -> int:
        value = self.text(name, str(default))
        if not value.isascii() or not value.isdigit() or int(value) < least:
            raise SettingsError(f"{name}={value}: must be a whole number of at least {least}")
        return int(value)

    def networks(self, name: str, default: str) -> tuple[str, ...]:
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
        given = tuple(self.text(name, default).lower().split())
        for text in given:
            if text != "all" and not _SERVER_NAME.match(text):
                raise SettingsError(
                    f"{name}: {text} is not a host name; write names like emotions.example.org or *.example.org, "
                    "without scheme and port, separated by spaces, or all"
                )
        return given

    def port(self, name: str, default: int) -> int:
        value = self.number(name, default, least=1)
        if value > 65535:
            raise SettingsError(f"{name}={value}: a TCP port is at most 65535")
        return value

    def listener(self, name: str) -> str:
        value = self.text(name, "")
        found = _LISTEN.match(value)
        if value and not (found and 0 < int(found[2]) < 65536):
            raise SettingsError(f"{name}={value}: give an address and a port, as in 127.0.0.1:8443 or [::1]:8443")
        return value
