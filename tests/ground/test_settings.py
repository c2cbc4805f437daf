"""Settings come from the environment and refuse what cannot be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.archives.versions import FIRST_VERSION
from scripts.errors import UserError
from scripts.precision import Gate
from scripts.settings import ROOT, Settings, load_settings


def test_defaults_serve_on_loopback_from_the_clone() -> None:
    settings = load_settings({})
    assert settings.bind_address == "127.0.0.1"
    assert settings.ports == {"PORT": 8000, "INFERENCE_PORT": 8080, "MANAGEMENT_PORT": 8081, "METRICS_PORT": 8082}
    assert settings.url == "http://localhost:8000"
    assert settings.run_dir == ROOT / ".run"
    assert settings.model_store == ROOT / "model_store"
    assert settings.cors_origins == (
        "http://localhost:5173",
        "https://localhost:5173",
        "http://localhost:3000",
        "https://localhost:3000",
    )


@pytest.mark.parametrize(
    ("text", "networks"), [("all", ("all",)), ("none", ()), ("::1 10.0.0.1", ("::1/128", "10.0.0.1/32"))]
)
def test_metrics_are_for_all_for_none_or_for_networks(text: str, networks: tuple[str, ...]) -> None:
    assert load_settings({"METRICS_ALLOW": text}).metrics_allow == networks


@pytest.mark.parametrize(("text", "path"), [("", ""), ("/", ""), ("/emotions/", "/emotions"), ("/a/b.c", "/a/b.c")])
def test_a_root_path_has_no_slash_at_its_end(text: str, path: str) -> None:
    assert load_settings({"ROOT_PATH": text}).root_path == path


def test_an_empty_value_counts_as_unset() -> None:
    assert load_settings({"PORT": "", "LOG_LEVEL": " "}) == load_settings({})


@pytest.mark.parametrize(
    ("given", "level"),
    [("INFO", "info"), ("Warn", "warning"), ("FATAL", "error"), ("CRITICAL", "error"), ("trace", "debug")],
)
def test_other_programs_names_of_log_levels_are_understood(given: str, level: str) -> None:
    """A variable LOG_LEVEL is often set for those."""
    assert load_settings({"LOG_LEVEL": given}).log_level == level


@pytest.mark.parametrize("address", ["::1", "[::1]"])
def test_an_ipv6_address_has_brackets_in_the_url_alone(address: str) -> None:
    settings = load_settings({"BIND_ADDRESS": address, "PORT": "9000"})
    assert (settings.bind_address, settings.url) == ("::1", "http://[::1]:9000")
    assert load_settings({"BIND_ADDRESS": "::"}).url == "http://localhost:8000"


@pytest.mark.parametrize("given", [0, 20])
def test_the_memory_for_bodies_holds_the_largest_one(given: int) -> None:
    assert load_settings({"BODY_MEMORY": str(given)}).body_memory == given


def test_relative_paths_start_at_the_clone() -> None:
    assert load_settings({"RESULTS_DIR": "../elsewhere"}).results_dir == ROOT.parent / "elsewhere"


@pytest.mark.parametrize(
    ("allowed", "address", "required"),
    [
        ("", "127.0.0.1", False),
        ("", "LocalHost", False),
        ("", "::1", False),
        ("auto", "0.0.0.0", True),
        ("", "::", True),
        ("", "10.0.0.5", True),
        ("", "localhost.example.org", True),
        ("0", "127.0.0.1", True),
        ("1", "0.0.0.0", False),
    ],
)
def test_a_key_is_required_where_others_reach_the_service_or_where_it_is_said(
    allowed: str, address: str, required: bool
) -> None:
    assert load_settings({"ALLOW_ANONYMOUS": allowed, "BIND_ADDRESS": address}).keys_required == required


def test_the_keys_of_apps_lie_beside_the_rest() -> None:
    assert load_settings({"RUN_DIR": "/elsewhere"}).api_keys_file == Path("/elsewhere/api_keys.json")
    assert load_settings({"API_KEYS_FILE": "keys.json"}).api_keys_file == ROOT / "keys.json"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "eighty", "PORT=eighty: must be a whole number of at least 1"),
        ("PORT", "0", "PORT=0: must be a whole number of at least 1"),
        ("PORT", "70000", "PORT=70000: a TCP port is at most 65535"),
        ("METRICS_PORT", "8000", "METRICS_PORT=8000: PORT has this port already; choose another"),
        ("LOG_FORMAT", "xml", "LOG_FORMAT=xml: use one of text, json"),
        ("ALLOW_ANONYMOUS", "yes", "ALLOW_ANONYMOUS=yes: use one of auto, 0, 1"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL=loud: use one of debug, info, warning, error"),
        ("RUNTIME", "tf", "RUNTIME=tf: use one of auto, openvino, torch"),
        ("CACHE", "1.5", "CACHE=1.5: must be a whole number of at least 0"),
        ("OTLP_ENDPOINT", "localhost:4318", "OTLP_ENDPOINT=localhost:4318: use an address like http://localhost:4318"),
        ("RATE_LIMIT", "-1", "RATE_LIMIT=-1: must be a whole number of at least 0"),
        ("BODY_MEMORY", "-1", "BODY_MEMORY=-1: must be a whole number of at least 0"),
        (
            "BODY_MEMORY",
            "19",
            "BODY_MEMORY=19: the largest body, 10 MiB, is held twice; give at least 20, or 0 for a quarter of all",
        ),
        ("MAX_WAIT", "-1", "MAX_WAIT=-1: must be a whole number of at least 0"),
        ("PREDICT_TIMEOUT", "1.5", "PREDICT_TIMEOUT=1.5: must be a whole number of at least 1"),
        (
            "METRICS_ALLOW",
            "10.0.0.1/8",
            "METRICS_ALLOW: 10.0.0.1/8 has host bits set; write addresses or networks like 10.0.0.0/8, separated by "
            "spaces, or all, or none",
        ),
        (
            "NODES",
            "10.0.0.1:8000 10.0.0.2",
            "NODES: 10.0.0.2 is no address with a port; write each as in 10.0.0.1:8000 or [fd00::1]:8000, separated by "
            "spaces",
        ),
        (
            "MANAGEMENT_NODES",
            "https://10.0.0.1:8443 10.0.0.2:8443",
            "MANAGEMENT_NODES: 10.0.0.2:8443: write each as in https://10.0.0.1:8443, separated by spaces",
        ),
        ("JPEG_DECODING", "fast", "JPEG_DECODING=fast: use one of exact, reduced"),
        ("MAX_FACES", "0", "MAX_FACES=0: must be a whole number of at least 1"),
        ("TURN_FACES", "1", "TURN_FACES=1: use one of on, off"),
        ("EXTRA_FORMATS", "heic", "EXTRA_FORMATS=heic: use one of none, avif"),
        (
            "ROOT_PATH",
            "emotions",
            "ROOT_PATH=emotions: use a path like /emotions, of letters, digits, ., _, ~ and -",
        ),
        ("ROOT_PATH", "/a/../b", "ROOT_PATH=/a/../b: use a path like /emotions, of letters, digits, ., _, ~ and -"),
        ("PREPROCESSING", "quick", "PREPROCESSING=quick: use one of auto, exact, fast"),
        ("PRECISION", "fp16", "PRECISION=fp16: use one of auto, f32, bf16, int8"),
        (
            "GATE",
            "agreement=96 difference=-1",
            "GATE=agreement=96 difference=-1: difference=-1 is not understood; use on, off, or limits like "
            "agreement=97 difference=0.01 (accuracy, recall, agreement, difference, least, most)",
        ),
        ("GATE", "least=50 most=20", "GATE=least=50 most=20: at least 50 and at most 20 pictures cannot both hold"),
        ("HSTS_MAX_AGE", "1y", "HSTS_MAX_AGE=1y: must be a whole number of at least 0"),
        ("MAX_PIXELS", "²", "MAX_PIXELS=²: must be a whole number of at least 1"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(name: str, value: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        load_settings({name: value})


ROWS = re.findall(
    r"^\| `([A-Z_]+)` \| ([^|]+) \|", (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"), re.MULTILINE
)
# The Makefile's own, and where the file of settings is.
NO_SETTINGS = {
    "ARCHIVE_VERSION": "as before, at first 1.0",
    "MODEL": "all",
    "SIGN": "not set",
    "PYTHON": "`python3`",
    "SETTINGS": "`settings.env`",
}
# Defaults that are told in words: what the words stand for.
IN_WORDS = {
    "what the container allows": 0,
    "off": "",
    "not set": None,
    "none": (),
    "localhost": ("localhost",),
    "the one from PyPI": None,
    "as at the last stop, at first `all`": "",
    "`http(s)://localhost:5173` and `:3000`": (
        "http://localhost:5173",
        "https://localhost:5173",
        "http://localhost:3000",
        "https://localhost:3000",
    ),
    "loopback": ("127.0.0.0/8", "::1/128"),
    "what fits into memory": 0,
    "a quarter of all, at most 2048": 0,
    "as they are": Gate(),
}


def test_every_setting_is_documented_and_every_documented_one_is_read() -> None:
    """Its field has its name in small letters, so that no setting can be read under another one."""
    code = (ROOT / "scripts" / "settings.py").read_text(encoding="utf-8")
    read = re.findall(r'(\w+)=\w*\(?env\.\w+\("([A-Z_]+)"', code)
    assert {field: name.lower() for field, name in read} == {name: name for name in Settings.__annotations__}
    names = [name for name, _ in ROWS]
    assert sorted(names) == sorted({name.upper() for name in Settings.__annotations__} | NO_SETTINGS.keys())


@pytest.mark.parametrize(("name", "told"), [row for row in ROWS if row[0] not in NO_SETTINGS], ids=lambda text: text)
def test_every_default_is_the_documented_one(name: str, told: str) -> None:
    default = getattr(load_settings({}), name.lower())
    plain = told.strip("`")
    if isinstance(default, Path):
        default = str(default.relative_to(ROOT))
    assert default == (IN_WORDS[told] if told in IN_WORDS else type(default)(plain))


def test_the_makefile_s_own_variables_have_their_documented_defaults() -> None:
    assert {name: told for name, told in ROWS if name in NO_SETTINGS} == NO_SETTINGS
    assert FIRST_VERSION == "1.0"
    assert "\nPYTHON ?= python3\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
