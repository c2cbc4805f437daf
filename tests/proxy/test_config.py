"""The proxy's configuration: nginx accepts what the settings make of it, file by file."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.proxy import error_log, rendering
from scripts.settings import ROOT
from tests.proxy.rendered import TLS, rendered, settings_of


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RATE_LIMIT": "0"},
        {"CACHE": "60"},
        {"OTLP_ENDPOINT": "http://localhost:4318"},
        {"RATE_LIMIT": "1", "RATE_BURST": "0"},
        {"CLIENT_REQUESTS": "0", "SERVER_NAMES": "all"},
        {"TRUSTED_PROXIES": "10.0.0.0/8 ::1", "SERVER_NAMES": "a.example.org *.b.example.org"},
        {"BIND_ADDRESS": "0.0.0.0"},
        {"BIND_ADDRESS": "::1"},
        {"BIND_ADDRESS": "localhost"},
        {"CORS_ORIGINS": "https://app.example.org http://[::1]:5173 http://10.0.0.7:8443"},
        {"PREDICT_TIMEOUT": "1", "LOAD_TIMEOUT": "600"},
        {"MANAGEMENT_LISTEN": "127.0.0.1:18001"},
        {"METRICS_ALLOW": "all"},
        {"METRICS_ALLOW": "none"},
        {"METRICS_ALLOW": "10.1.2.3 2001:db8::/32"},
        {"LOG_LEVEL": "debug"},
        {"LOG_LEVEL": "warning"},
        {"LOG_LEVEL": "error"},
    ],
    ids=lambda environment: " ".join(f"{name}={value}" for name, value in environment.items()) or "defaults",
)
def test_nginx_accepts_the_configuration(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = settings_of(tmp_path, PORT="18000", **environment)
    rendering.render(settings)
    rendering.check(settings)


@pytest.mark.parametrize(
    "environment",
    [{}, {"ROOT_PATH": "/emotions", "ALLOW_ANONYMOUS": "0"}, {"MANAGEMENT_LISTEN": "127.0.0.1:18001"}],
    ids=lambda environment: " ".join(environment) or "defaults",
)
def test_nginx_accepts_the_configuration_of_a_balancer(tmp_path: Path, environment: dict[str, str]) -> None:
    settings = settings_of(tmp_path, PORT="18000", NODES="10.0.0.1:8000 [fd00::1]:8000", **environment)
    rendering.render(settings, balances=True)
    rendering.check(settings)


def test_directories_may_have_blanks_and_other_letters(tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "a b; é #1 {x} 'y'", PORT="18000")
    rendering.render(settings)
    rendering.check(settings)


def test_every_placeholder_has_a_value(tmp_path: Path) -> None:
    for name, text in rendered(settings_of(tmp_path)).items():
        assert not re.search(r"\{\{|\{%", text), name


def test_every_template_is_included(tmp_path: Path) -> None:
    settings = settings_of(tmp_path, MANAGEMENT_LISTEN="127.0.0.1:18001", NODES="10.0.0.1:8000", **TLS)
    included = set()
    for balances in (False, True):
        files = rendered(settings, balances=balances)
        pattern = rf'include "{re.escape(str(tmp_path))}/nginx/([a-z_/]+\.conf)";'
        included |= set(re.findall(pattern, "".join(files.values())))
    assert included == files.keys() - {"nginx.conf"}


@pytest.mark.parametrize("tls", [{}, TLS], ids=["http", "https"])
@pytest.mark.parametrize(
    "environment",
    [{}, {"MANAGEMENT_LISTEN": "127.0.0.1:18001", "METRICS_ALLOW": "all"}, {"NODES": "10.0.0.1:8000 10.0.0.2:8000"}],
    ids=["defaults", "management", "balancer"],
)
def test_gixy_finds_nothing_unsafe(tmp_path: Path, environment: dict[str, str], tls: dict[str, str]) -> None:
    settings = settings_of(tmp_path, **environment, **tls)
    path = rendering.render(settings, balances=bool(settings.nodes))
    # Pages replace the headers of the API on purpose, and a file is looked up once a page.
    meant = "--skips=add_header_redefinition,try_files_is_evil_too"
    gixy = Path(sys.executable).with_name("gixy")
    found = subprocess.run([gixy, "-f", "json", meant, path], capture_output=True, text=True, check=False)
    assert json.loads(found.stdout) == [], found.stdout


def test_imports_of_scripts_go_down() -> None:
    """From the entry modules to the folders, and between these from the right to the left."""
    layers = [
        {"http"},
        {"counting"},
        {"access", "models"},
        {"trials"},
        {"predict", "describe", "metrics", "management", "poller"},
        {"oip", "nodes"},
        {".", "api"},
    ]
    height = {folder: number for number, level in enumerate(layers) for folder in level}
    directory = ROOT / "proxy" / "njs"
    for path in directory.rglob("*.js"):
        own = str(path.parent.relative_to(directory))
        for target in re.findall(r"^import \w+ from '(\S+)\.js';$", path.read_text(), re.MULTILINE):
            folder = str(Path(target).parent)
            assert folder == own or height[folder] < height[own], f"{path} imports {target}"


def test_nginx_writes_only_into_the_run_directory(tmp_path: Path) -> None:
    text = "".join(rendered(settings_of(tmp_path)).values())
    targets = re.findall(r'^\s*(?:pid|access_log|error_log|\w+_temp_path) "?([^";\s]+)', text, re.MULTILINE)
    assert len(targets) >= 8
    assert [target for target in targets if not target.startswith(f"{tmp_path}/") and target != "off"] == []


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_no_level_makes_nginx_log_headers_and_with_them_keys(tmp_path: Path, level: str) -> None:
    text = "".join(rendered(settings_of(tmp_path, LOG_LEVEL=level)).values())
    levels = re.findall(r'^\s*error_log "[^"]+" (\w+);', text, re.MULTILINE)
    assert levels
    assert "debug" not in levels


@pytest.mark.parametrize(
    ("level", "nginx", "poller"),
    [("debug", "info", "info"), ("info", "notice", "info"), ("warning", "warn", "warn"), ("error", "error", "error")],
)
def test_the_level_of_the_log_is_said_in_nginxs_words(tmp_path: Path, level: str, nginx: str, poller: str) -> None:
    files = rendered(settings_of(tmp_path, LOG_LEVEL=level))
    found = {name: re.findall(r'^\s*error_log "[^"]+" (\w+);', text, re.MULTILINE) for name, text in files.items()}
    assert {name: levels for name, levels in found.items() if levels} == {
        "http/logs.conf": [nginx],
        "server/poller.conf": [poller],
    }


# Without a key: the service's name, the probes, and what METRICS_ALLOW guards.
OPEN = {
    "= /",
    "= /api/v1/health/live",
    "= /api/v1/health/ready",
    "~ ^/api/v1/models/[^/]+/ready$",
    "~ ^/v2/(health/(live|ready)|models/[^/]+(/versions/[^/]+)?/ready)$",
    "= /metrics",
}


def test_whatever_answers_asks_for_a_key_unless_it_is_open(tmp_path: Path) -> None:
    files = rendered(settings_of(tmp_path, ALLOW_ANONYMOUS="0"))
    text = "".join(text for name, text in files.items() if name.startswith("server/"))
    blocks = re.findall(r"(?=^( *)location ([^{]+) \{\n(.*?)^\1\})", text, re.MULTILINE | re.DOTALL)
    answering = {path: body for _, path, body in blocks if "js_content api.handle;" in body}
    asking = {path for path, body in answering.items() if f'include "{tmp_path}/nginx/server/keys.conf";' in body}
    assert {"/", "= /api/v1/predict"} <= asking
    assert answering.keys() - asking == OPEN
    assert "return 401;" in files["server/keys.conf"]
    open_to_all = rendered(settings_of(tmp_path, ALLOW_ANONYMOUS="1", BIND_ADDRESS="0.0.0.0"))
    assert "return" not in open_to_all["server/keys.conf"]


def test_only_the_whole_origin_matches_and_a_dot_is_a_dot(tmp_path: Path) -> None:
    files = rendered(settings_of(tmp_path, CORS_ORIGINS="https://app.example.org:8443 http://[::1]:5173"))
    patterns = re.findall(r'^ *"~(.*)" \$http_origin;$', files["http/cors.conf"], re.MULTILINE)
    assert patterns == [r"^https://app\.example\.org:8443$", r"^http://\[::1\]:5173$"]


def test_a_prediction_and_its_repeats_end_within_the_time_out(tmp_path: Path) -> None:
    text = rendered(settings_of(tmp_path, PREDICT_TIMEOUT="7"))["server/predict.conf"]
    time_outs = re.findall(r"location /_predict/(\d)/ {[^}]*proxy_read_timeout (\d+)ms;", text)
    assert time_outs == [(str(eighths), str(875 * eighths)) for eighths in range(1, 9)]


def test_rate_limit_of_zero_limits_nothing(tmp_path: Path) -> None:
    files = rendered(settings_of(tmp_path, RATE_LIMIT="0"))
    for name in ("http/limits.conf", "server/routes.conf"):
        assert "limit_req" not in re.sub(r"#.*", "", files[name])


def test_scripts_use_only_settings_they_are_given(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    rendering.render(settings)
    given = json.loads((tmp_path / "nginx" / "settings.json").read_text()).keys()
    scripts = [path.read_text() for path in (ROOT / "proxy" / "njs").rglob("*.js")]
    used = {name for text in scripts for name in re.findall(r"\bsettings\.(\w+)", text)}
    assert used == given


def test_command_runs_the_rendered_file_and_nothing_of_the_machine(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    path = rendering.render(settings)
    binary, *arguments = rendering.command(settings)
    assert Path(binary).name == "nginx"
    log = tmp_path / "logs" / "proxy-error.log"
    assert arguments == ["-p", f"{tmp_path}/nginx/", "-c", str(path), "-e", str(log)]


def test_without_tls_nothing_speaks_of_it(tmp_path: Path) -> None:
    files = rendered(settings_of(tmp_path, MANAGEMENT_LISTEN="127.0.0.1:18001"))
    assert "Strict-Transport-Security" not in files["server/headers.conf"] + files["server/pages_headers.conf"]
    assert "ssl" not in files["nginx.conf"] + files["server/other_hosts.conf"] + files["management/server.conf"]


def test_the_time_for_which_browsers_stay_with_https_is_a_setting(tmp_path: Path) -> None:
    files = rendered(settings_of(tmp_path, HSTS_MAX_AGE="0", **TLS))
    assert '    on "max-age=0";\n' in files["http/tls.conf"]


@pytest.mark.parametrize(("size", "put_aside"), [(20 * 2**20, False), (20 * 2**20 + 1, True)])
def test_a_start_puts_a_large_error_log_aside(tmp_path: Path, size: int, put_aside: bool) -> None:
    settings = settings_of(tmp_path)
    log = settings.log_dir / "proxy-error.log"
    log.parent.mkdir()
    with log.open("wb") as file:
        file.truncate(size)
    error_log.put_aside(settings)
    assert log.exists() != put_aside
    assert log.with_name("proxy-error.log.1").exists() == put_aside


def test_the_address_of_a_client_comes_from_trusted_proxies_only(tmp_path: Path) -> None:
    assert "real_ip" not in "".join(rendered(settings_of(tmp_path)).values())
    limits = rendered(settings_of(tmp_path, TRUSTED_PROXIES="10.0.0.0/8 ::1"))["http/limits.conf"]
    trusted = "set_real_ip_from 10.0.0.0/8;\nset_real_ip_from ::1/128;\n"
    assert limits.endswith(f"{trusted}real_ip_header X-Forwarded-For;\nreal_ip_recursive on;\n")
    with pytest.raises(rendering.ProxyError, match="TRUSTED_PROXIES=all: then any client could name any address"):
        rendering.render(settings_of(tmp_path, TRUSTED_PROXIES="all"))
