"""The proxy in front of TorchServe: its nginx configuration, and the command that runs it.

``python -m scripts.proxy`` renders and checks the configuration; ``scripts.stack`` starts it.
"""

from __future__ import annotations

import base64
import glob
import grp
import json
import os
import pwd
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from scripts.catalogue import chosen
from scripts.cgroup import memory_group
from scripts.ensembles import load_names
from scripts.labels import EMOTIONS
from scripts.memory import body_memory, max_workers
from scripts.processes import socket_path_fault
from scripts.proxy import error_log
from scripts.proxy.addresses import ProxyError as ProxyError
from scripts.proxy.addresses import hosts, origin, server_names, trusted
from scripts.proxy.certificates import Pair, listeners, management_pair, public_pair
from scripts.proxy.nginx import Nginx, binary, run
from scripts.proxy.pages import guide_dir, write_pages
from scripts.settings import ROOT, Settings
from scripts.store.signatures import verify_keys

PROXY_DIR = ROOT / "proxy"
TEMPLATE_DIR = PROXY_DIR / "templates"
NJS_DIR = PROXY_DIR / "njs"
PAGES_DIR = PROXY_DIR / "pages"

# Which certificate and key nginx is told to load for which address: a reload goes by it.
LISTENERS_FILE = "listeners.json"
MANAGEMENT_RATE = 20  # calls of an address in a second

TEMPLATE_SUFFIX = ".j2"
# nginx's "info" reports every connection that ends, its "debug" writes headers and with them keys.
_ERROR_LOG_LEVELS = {"debug": "info", "info": "notice", "warning": "warn", "error": "error"}
_POLLER_LOG_LEVELS = {**_ERROR_LOG_LEVELS, "info": "info"}


def render(settings: Settings, *, same_container: bool = True, balances: bool = False) -> Path:
    """Write the configuration for ``settings`` into RUN_DIR/nginx.

    An nginx that is not in the ``same_container`` sees neither the memory nor the processes of TorchServe.
    One that ``balances`` asks NODES, and no TorchServe of its own.
    Returns its main file. Raises ProxyError for a setting that nginx cannot be given, or an unusable catalogue.
    """
    directory = _directory(settings)
    nodes = settings.nodes if balances else ()
    values = _values(settings) | {"nodes": nodes}
    settings.log_dir.mkdir(parents=True, exist_ok=True)
    templates = _templates()
    for name in templates.list_templates():
        path = directory / name.removesuffix(TEMPLATE_SUFFIX)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(templates.get_template(name).render(values), encoding="utf-8")
    script_settings = _script_settings(settings) | {
        "memory": _memory_files() if same_container else None,
        "same_container": same_container,
        "nodes": " ".join(nodes),
    }
    (directory / "settings.json").write_text(json.dumps(script_settings, indent=2), encoding="utf-8")
    loaded = {address: vars(pair) for address, pair in listeners(settings, values["listen"]).items()}
    (directory / LISTENERS_FILE).write_text(json.dumps(loaded, indent=2, default=str), encoding="utf-8")
    write_pages(settings.catalogue, str(script_settings["version"]), directory / "pages", settings.max_faces)
    return directory / "nginx.conf"


def command(settings: Settings) -> list[str]:
    """The command that runs the rendered configuration in the foreground.

    SIGQUIT ends it after the requests under way, SIGTERM at once.
    """
    directory = _directory(settings)
    log = error_log.path(settings)
    return [binary(settings.nginx), "-p", f"{directory}/", "-c", str(directory / "nginx.conf"), "-e", str(log)]


def check(settings: Settings) -> None:
    """Let nginx check the rendered configuration. Raises ProxyError with what it says."""
    if fault := socket_path_fault(settings.trials_socket):
        raise ProxyError(fault)
    outcome = run([*command(settings), "-t", "-q"])
    if outcome.returncode != 0:
        raise ProxyError(f"nginx refuses its configuration: {outcome.stderr.strip()}")


def _directory(settings: Settings) -> Path:
    return settings.run_dir / "nginx"


def _templates() -> Environment:
    """proxy/templates/; a name without a value is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATE_DIR),
        autoescape=False,  # noqa: S701 - nginx's configuration is not HTML
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _values(settings: Settings) -> dict[str, Any]:
    """What the templates may use. Raises ProxyError for a setting that nginx cannot be given."""
    nginx = Nginx(settings.nginx)
    return {
        "njs_module": _quotable(nginx.njs_module) if nginx.njs_module else "",
        "has_keepalive_min_timeout": nginx.is_at_least(1, 27, 4),
        "has_ssl_object_cache": nginx.is_at_least(1, 27, 4),
        "user": _user(),
        "nginx_dir": _quotable(_directory(settings)),
        # A path in "include" is a pattern, and one that matches nothing is no error.
        "include_dir": glob.escape(_quotable(_directory(settings))),
        "log_dir": _quotable(settings.log_dir),
        "njs_dir": _quotable(NJS_DIR),
        "pages_dir": _quotable(PAGES_DIR),
        "run_dir": _quotable(guide_dir(settings).parent),
        "error_log_level": _ERROR_LOG_LEVELS[settings.log_level],
        "poller_log_level": _POLLER_LOG_LEVELS[settings.log_level],
        "listen": [f"{host}:{settings.port}" for host in hosts(settings.bind_address)],
        "inference_port": settings.inference_port,
        "predict_timeout": settings.predict_timeout,
        "load_timeout": settings.load_timeout,
        "cache": settings.cache,
        "tracing": bool(settings.otlp_endpoint),
        "trials_socket": _quotable(settings.trials_socket),
        "nodes_socket": _quotable(settings.nodes_socket),
        "server_names": server_names(settings),
        "root_path": settings.root_path,
        "origins": [re.escape(origin(text)) for text in settings.cors_origins],
        "trusted_proxies": trusted(settings.trusted_proxies),
        "client_requests": settings.client_requests,
        "rate_limit": settings.rate_limit,
        "rate_burst": settings.rate_burst,
        "management_listen": settings.management_listen,
        "metrics_allow": settings.metrics_allow,
        "keys_required": settings.keys_required,
        "tls": _quotable_pair(public_pair(settings)),
        "management_rate": MANAGEMENT_RATE,
        "management_tls": _quotable_pair(management_pair(settings)),
        "hsts_max_age": settings.hsts_max_age,
    }


def _script_settings(settings: Settings) -> dict[str, Any]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = text.partition("[project]\n")[2].partition("\n[")[0]
    fields = dict(re.findall(r'^(name|version) = "([^"]+)"$', project, re.MULTILINE))
    return {
        "name": fields["name"],
        "version": fields["version"],
        **_script_files(settings),
        "cache": settings.cache,
        "inference_url": settings.inference_url,
        "management_url": settings.management_url,
        "trials_url": f"http://unix:{settings.trials_socket}:/",
        "nodes_url": f"http://unix:{settings.nodes_socket}:/",
        "metrics_url": f"http://127.0.0.1:{settings.metrics_port}/metrics",
        "max_faces": settings.max_faces,
        "max_workers": max_workers(settings),
        "predict_timeout": settings.predict_timeout,
        "upload_timeout": settings.upload_timeout,
        "max_wait": settings.max_wait,
        "body_memory": body_memory(settings),
        "load_timeout": settings.load_timeout,
        "client_requests": settings.client_requests,
        "rate_limit": settings.rate_limit,
        "rate_burst": settings.rate_burst,
        "emotions": EMOTIONS,
        "ready_when": _ready_when(settings),
        "stand_ins_allowed": settings.stand_ins == "allowed",
        "tracing": bool(settings.otlp_endpoint),
        "verify_keys": [
            {"curve": key.curve, "spki": base64.b64encode(key.spki).decode()} for key in verify_keys(settings)
        ],
    }


def _script_files(settings: Settings) -> dict[str, str]:
    """What the scripts read and write, by their names for it."""
    files: dict[str, Path | str] = {
        "access_log": settings.log_dir / "proxy-access.log",
        "management_log": settings.log_dir / "management.log",
        "log_probe": settings.log_dir / ".probe",
        "nodes_key_file": settings.nodes_key_file or "",
        "catalogue": settings.catalogue,
        "closing": settings.closing_file,
        "index": settings.index_file,
        "key_file": settings.key_file,
        "management_keys": settings.management_keys,
        "api_keys": settings.api_keys_file,
        "model_store": settings.model_store,
        "registrations": settings.registrations_dir,
        "served": settings.served_file,
        "supervision": settings.supervision_file,
        "trial_outcomes": settings.trial_outcomes_file,
        "trials": settings.trials_file,
    }
    return {name: str(path) for name, path in files.items()}


def _memory_files() -> dict[str, str] | None:
    """Where the limit and the use of this process's memory are told; None without a limit."""
    group = memory_group()
    if group is None:
        return None
    files = {"limit": group.limit_file, "use": group.use_file, "stat": group.stat_file}
    return {name: str(file) for name, file in files.items()} | {"idle": group.idle}


def _ready_when(settings: Settings) -> str:
    """``all``, ``any``, ``none``, or names separated by commas."""
    if settings.ready_when in ("all", "any", "none"):
        return settings.ready_when
    return ",".join(chosen("READY_WHEN", settings.ready_when, load_names(settings.catalogue), settings.catalogue))


def _user() -> str:
    """User and group of nginx's worker processes when root starts it: the default, "nobody", may not read RUN_DIR."""
    if os.geteuid() != 0:
        return ""
    return f"{pwd.getpwuid(os.geteuid()).pw_name} {grp.getgrgid(os.getegid()).gr_name}"


def _quotable_pair(pair: Pair | None) -> Pair | None:
    return pair and Pair(Path(_quotable(pair.certificate)), Path(_quotable(pair.key)))


def _quotable(path: Path) -> str:
    # nginx has no way to write a dollar sign where it expands variables.
    if re.search(r'["$\\\x00-\x1f]', str(path)):
        raise ProxyError(f"{path}: nginx takes no path with a quote, backslash or dollar sign; rename the directory")
    return str(path)
