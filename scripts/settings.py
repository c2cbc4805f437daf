"""The settings of a stack, read from the environment (``make`` passes its variables there) and a settings file."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.environment import Environment, SettingsError, is_loopback, refuse_shared_ports
from scripts.precision import PRECISIONS, PREPROCESSINGS, Gate
from scripts.precision import gate as read_gate
from scripts.run_folder import RunFolder
from scripts.settings_file import read_settings_file, readable_settings_file

ROOT = Path(__file__).resolve().parent.parent

# The web client's development servers (Vite and Create React App); the default of CORS_ORIGINS.
DEFAULT_ORIGINS = "http://localhost:5173 https://localhost:5173 http://localhost:3000 https://localhost:3000"
DEFAULT_METRICS_ALLOW = "127.0.0.0/8 ::1"
# Addresses at which this machine is reached as localhost.
_LOCAL = ("127.0.0.1", "0.0.0.0", "::")  # noqa: S104
LOG_LEVELS = ("debug", "info", "warning", "error")
# Other programs' names for them: a variable LOG_LEVEL is often set for those.
_LOG_LEVELS_OF_OTHERS = {"trace": "debug", "notice": "info", "warn": "warning", "critical": "error", "fatal": "error"}
RUNTIMES = ("auto", "openvino", "torch")
STAND_INS = ("auto", "allowed", "never")
# For one body whose length is not told, as proxy/njs/http/bodies.js counts it.
LEAST_BODY_MEMORY = 20
JPEG_DECODINGS, EXTRA_FORMATS = ("exact", "reduced"), ("none", "avif")


@dataclass(frozen=True)
class Settings(RunFolder):
    """Where a stack listens and keeps its files. Ports are TCP ports, times are seconds, paths absolute."""

    bind_address: str
    port: int
    inference_port: int
    management_port: int
    metrics_port: int
    catalogue: Path
    results_dir: Path
    model_store: Path
    verify_keys: tuple[Path, ...]
    run_dir: Path
    load_models: str
    ready_when: str
    stand_ins: str
    serve_only: str
    max_workers: int
    cpus: int
    runtime: str
    precision: str
    preprocessing: str
    calibration: Path | None
    gate: Gate | None
    log_level: str
    log_format: str
    server_names: tuple[str, ...]
    root_path: str
    cors_origins: tuple[str, ...]
    metrics_allow: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    client_requests: int
    rate_limit: int
    rate_burst: int
    cache: int
    predict_timeout: int
    upload_timeout: int
    max_wait: int
    body_memory: int
    load_timeout: int
    max_pixels: int
    max_decode_memory: int
    max_decode_seconds: int
    jpeg_decoding: str
    extra_formats: str
    max_faces: int
    turn_faces: str
    nginx: str | None
    otlp_endpoint: str
    management_listen: str
    nodes: tuple[str, ...]
    nodes_key_file: Path | None
    management_nodes: tuple[str, ...]
    management_nodes_key_file: Path | None
    management_nodes_ca: Path | None
    allow_anonymous: str
    api_keys_file: Path
    tls_certificate: Path | None
    tls_key: Path | None
    management_tls_certificate: Path | None
    management_tls_key: Path | None
    hsts_max_age: int

    @property
    def keys_required(self) -> bool:
        """Whether an app needs a key: unless ALLOW_ANONYMOUS says it, only where other machines reach the proxy."""
        if self.allow_anonymous == "auto":
            return not is_loopback(self.bind_address)
        return self.allow_anonymous == "0"

    @property
    def url(self) -> str:
        """The proxy's address as a person on this machine opens it; with TLS, by a name its certificate may have."""
        names = [name for name in self.server_names if name != "all" and "*" not in name]
        local = "localhost" if {"localhost", "all"} & set(self.server_names) else "127.0.0.1"
        own = (names or [local])[0] if self.tls_certificate else local
        host = own if self.bind_address in _LOCAL else self.bind_address
        in_url = f"[{host}]" if ":" in host else host  # an IPv6 address: RFC 3986, 3.2.2
        return f"{'https' if self.tls_certificate else 'http'}://{in_url}:{self.port}"

    @property
    def inference_url(self) -> str:
        """TorchServe's inference API."""
        return f"http://127.0.0.1:{self.inference_port}"

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


def given_values(names: Collection[str] | None = None) -> dict[str, str]:
    """The settings as text: of this process's environment, or else of the settings file.

    With ``names``, these alone, whatever is wrong in the file. Raises SettingsError if it cannot be used.
    """
    known = {name.upper() for name in Settings.__annotations__}
    values = (read_settings_file if names is None else readable_settings_file)(ROOT, known)
    values |= {name: value for name in known if (value := os.environ.get(name, "").strip())}
    return {name: values[name] for name in sorted(values) if names is None or name in names}


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environment`` (default: this process's, and the settings file).

    An empty value counts as unset. Raises SettingsError or GateError for a value that cannot be used.
    """
    env = Environment(given_values() if environment is None else environment, ROOT)
    parts = (_places(env), _programs(env), _requests(env), _access(env))
    settings = Settings(**{name: value for part in parts for name, value in part.keywords.items()})
    refuse_shared_ports({name: port for name, port in settings.ports.items() if name == "PORT" or env.text(name, "")})
    return settings


# Parts of Settings: mypy compares what a partial() is given with the fields' types.
def _places(env: Environment) -> partial[Settings]:
    return partial(
        Settings,
        bind_address=env.address("BIND_ADDRESS", "127.0.0.1"),
        port=env.port("PORT", 8000),
        inference_port=env.port("INFERENCE_PORT", 8080),
        management_port=env.port("MANAGEMENT_PORT", 8081),
        metrics_port=env.port("METRICS_PORT", 8082),
        catalogue=env.path("CATALOGUE", "models.json"),
        results_dir=env.path("RESULTS_DIR", "results"),
        model_store=env.path("MODEL_STORE", "model_store"),
        verify_keys=env.links("VERIFY_KEYS"),
        run_dir=env.path("RUN_DIR", ".run"),
    )


def _programs(env: Environment) -> partial[Settings]:
    return partial(
        Settings,
        load_models=env.text("LOAD_MODELS", ""),
        ready_when=env.text("READY_WHEN", "all"),
        stand_ins=env.choice("STAND_INS", "auto", STAND_INS),
        serve_only=env.choice("SERVE_ONLY", "0", ("0", "1")),
        max_workers=env.number("MAX_WORKERS", 0),
        cpus=env.number("CPUS", 0),
        runtime=env.choice("RUNTIME", "auto", RUNTIMES),
        precision=env.choice("PRECISION", "auto", ("auto", *PRECISIONS)),
        preprocessing=env.choice("PREPROCESSING", "auto", ("auto", *PREPROCESSINGS)),
        calibration=env.link("CALIBRATION"),
        gate=read_gate(env.text("GATE", "on")),
        log_level=env.choice("LOG_LEVEL", "info", LOG_LEVELS, _LOG_LEVELS_OF_OTHERS),
        log_format=env.choice("LOG_FORMAT", "text", ("text", "json")),
    )


def _requests(env: Environment) -> partial[Settings]:
    return partial(
        Settings,
        server_names=env.names("SERVER_NAMES", "localhost"),
        root_path=env.url_path("ROOT_PATH"),
        cors_origins=tuple(env.text("CORS_ORIGINS", DEFAULT_ORIGINS).split()),
        metrics_allow=env.networks("METRICS_ALLOW", DEFAULT_METRICS_ALLOW),
        trusted_proxies=env.networks("TRUSTED_PROXIES", "none"),
        client_requests=env.number("CLIENT_REQUESTS", 64),
        rate_limit=env.number("RATE_LIMIT", 0),
        rate_burst=env.number("RATE_BURST", 100),
        cache=env.number("CACHE", 0),
        predict_timeout=env.number("PREDICT_TIMEOUT", 30, least=1),
        upload_timeout=env.number("UPLOAD_TIMEOUT", 120, least=1),
        max_wait=env.number("MAX_WAIT", 20),
        body_memory=_body_memory(env.number("BODY_MEMORY", 0)),
        load_timeout=env.number("LOAD_TIMEOUT", 60, least=1),
        max_pixels=env.number("MAX_PIXELS", 50_000_000, least=1),
        max_decode_memory=env.number("MAX_DECODE_MEMORY", 256, least=1),
        max_decode_seconds=env.number("MAX_DECODE_SECONDS", 2, least=1),
        jpeg_decoding=env.choice("JPEG_DECODING", "exact", JPEG_DECODINGS),
        extra_formats=env.choice("EXTRA_FORMATS", "none", EXTRA_FORMATS),
        max_faces=env.number("MAX_FACES", 10, least=1, most=100),
        turn_faces=env.choice("TURN_FACES", "on", ("on", "off")),
    )


def _body_memory(given: int) -> int:
    if 0 < given < LEAST_BODY_MEMORY:
        raise SettingsError(
            f"BODY_MEMORY={given}: the largest body, 10 MiB, is held twice; give at least {LEAST_BODY_MEMORY}, or 0 "
            "for a quarter of all"
        )
    return given


def _access(env: Environment) -> partial[Settings]:
    return partial(
        Settings,
        nginx=env.text("NGINX", "") or None,
        otlp_endpoint=env.url("OTLP_ENDPOINT"),
        management_listen=env.listener("MANAGEMENT_LISTEN"),
        nodes=env.nodes("NODES"),
        nodes_key_file=env.link("NODES_KEY_FILE"),
        management_nodes=env.origins("MANAGEMENT_NODES"),
        management_nodes_key_file=env.link("MANAGEMENT_NODES_KEY_FILE"),
        management_nodes_ca=env.link("MANAGEMENT_NODES_CA"),
        allow_anonymous=env.choice("ALLOW_ANONYMOUS", "auto", ("auto", "0", "1")),
        api_keys_file=env.path("API_KEYS_FILE", f"{env.path('RUN_DIR', '.run')}/api_keys.json"),
        tls_certificate=env.link("TLS_CERTIFICATE"),
        tls_key=env.link("TLS_KEY"),
        management_tls_certificate=env.link("MANAGEMENT_TLS_CERTIFICATE"),
        management_tls_key=env.link("MANAGEMENT_TLS_KEY"),
        hsts_max_age=env.number("HSTS_MAX_AGE", 63_072_000),
    )
