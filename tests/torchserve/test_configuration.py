"""What isolates TorchServe is in its configuration, and no variable of the caller's environment undoes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.settings import ROOT, load_settings
from scripts.torchserve import process
from scripts.torchserve.process import environment

LINES = (ROOT / "config.properties").read_text(encoding="utf-8").splitlines()
CONFIGURATION = dict(line.split("=", 1) for line in LINES if line and not line.startswith("#"))
MIB = 2**20


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("disable_token_authorization", "false"),
        ("token_expiration_min", str(10 * 365 * 24 * 60)),
        ("allowed_urls", "none"),
        ("install_py_dep_per_model", "false"),
        ("decode_input_request", "false"),
        # 0: two stacks do not meet.
        ("grpc_inference_port", "0"),
        ("grpc_management_port", "0"),
        ("default_workers_per_model", "1"),
        ("metrics_mode", "prometheus"),
        ("enable_envvars_config", "true"),
    ],
)
def test_torchserve_is_configured_closed(key: str, value: str) -> None:
    assert CONFIGURATION[key] == value


@pytest.mark.parametrize("name", ["inference_address", "management_address", "metrics_address"])
def test_torchserve_listens_on_loopback_alone(name: str) -> None:
    assert CONFIGURATION[name].startswith("http://127.0.0.1:")
    assert environment(load_settings({}))[f"TS_{name.upper()}"] == CONFIGURATION[name]


@pytest.mark.parametrize("name", ["max_request_size", "max_response_size"])
def test_torchserve_takes_more_than_the_proxy_lets_through(name: str) -> None:
    assert int(CONFIGURATION[name]) == 11 * MIB


def test_variables_of_the_caller_configure_nothing_of_torchserve(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load_settings({})
    usual = {name for name in environment(settings) if name.startswith("TS_")}
    for name in ("DISABLE_TOKEN_AUTHORIZATION", "ALLOWED_URLS", "INSTALL_PY_DEP_PER_MODEL", "CONFIG_FILE"):
        monkeypatch.setenv(f"TS_{name}", "true")
    monkeypatch.setenv("TS_MANAGEMENT_ADDRESS", "http://0.0.0.0:8081")
    given = environment(settings)
    assert {name for name in given if name.startswith("TS_")} == usual
    assert given["TS_MANAGEMENT_ADDRESS"] == "http://127.0.0.1:8081"


def test_a_collector_without_the_sdk_is_refused_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    settings = load_settings({"RUN_DIR": str(tmp_path), "OTLP_ENDPOINT": "http://localhost:4318"})
    with pytest.raises(process.TorchServeError, match=r"localhost:4318: .* is not installed; run `make tracing`"):
        process.start(settings)


def test_only_what_is_meant_for_this_jvm_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JDK_JAVA_OPTIONS", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS"):
        monkeypatch.setenv(name, "-Xlog:gc")
    given = environment(load_settings({}), "-Xone:a b")
    assert {name: value for name, value in given.items() if "OPTIONS" in name} == {
        "JDK_JAVA_OPTIONS": '-Xlog:gc "-Xone:a b"'
    }
