"""Settings come from the environment and refuse what cannot be used."""

from __future__ import annotations

import re

import pytest

from scripts.settings import ROOT, SettingsError, load_settings


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


def test_an_empty_value_counts_as_unset() -> None:
    assert load_settings({"PORT": "", "LOG_LEVEL": " "}) == load_settings({})


def test_relative_paths_start_at_the_clone() -> None:
    assert load_settings({"RESULTS_DIR": "../elsewhere"}).results_dir == ROOT.parent / "elsewhere"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "eighty", "PORT=eighty: must be a whole number of at least 1"),
        ("PORT", "0", "PORT=0: must be a whole number of at least 1"),
        ("PORT", "70000", "PORT=70000: a TCP port is at most 65535"),
        ("METRICS_PORT", "8000", "METRICS_PORT=8000: PORT has this port already; choose another"),
        ("LOG_LEVEL", "loud", "LOG_LEVEL=loud: use one of debug, info, warning, error"),
        ("RUNTIME", "tf", "RUNTIME=tf: use one of auto, openvino, torch"),
        ("RATE_LIMIT", "-1", "RATE_LIMIT=-1: must be a whole number of at least 0"),
        ("PREDICT_TIMEOUT", "1.5", "PREDICT_TIMEOUT=1.5: must be a whole number of at least 1"),
        (
            "METRICS_ALLOW",
            "10.0.0.1/8",
            "METRICS_ALLOW: 10.0.0.1/8 has host bits set; write addresses or networks like 10.0.0.0/8, separated by "
            "spaces, or all, or none",
        ),
        ("JPEG_DECODING", "fast", "JPEG_DECODING=fast: use one of exact, reduced"),
        ("MAX_PIXELS", "²", "MAX_PIXELS=²: must be a whole number of at least 1"),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(message)}$"):
        load_settings({name: value})


def test_every_setting_is_documented() -> None:
    code = (ROOT / "scripts" / "settings.py").read_text()
    names = set(re.findall(r'env\.\w+\("([A-Z_]+)"', code))
    documented = set(re.findall(r"^\| `([A-Z_]+)` \|", (ROOT / "docs" / "configuration.md").read_text(), re.MULTILINE))
    assert names
    assert names - documented == set()
    assert documented - names == {"ARCHIVE_VERSION", "PYTHON"}  # the Makefile's own
