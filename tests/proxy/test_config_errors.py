"""Settings of which nginx could make nothing are named, and so is what nginx says itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.proxy import rendering
from tests.proxy.rendered import settings_of


@pytest.mark.parametrize(
    "origin", ["*", "null", "localhost:5173", "http://localhost:5173/", "ftp://host", 'http://a";', "http://A.example"]
)
def test_origin_that_no_browser_sends_is_named(tmp_path: Path, origin: str) -> None:
    with pytest.raises(
        rendering.ProxyError, match=rf"^CORS_ORIGINS: {re.escape(origin)} is not an origin; write each as"
    ):
        rendering.render(settings_of(tmp_path, CORS_ORIGINS=f"http://localhost:5173 {origin}"))


@pytest.mark.parametrize("address", ["127.0.0.1:80", "a b", "x;", "-"])
def test_address_that_is_none_is_named(tmp_path: Path, address: str) -> None:
    with pytest.raises(rendering.ProxyError, match=rf"^BIND_ADDRESS={re.escape(address)}: use an IP address"):
        rendering.render(settings_of(tmp_path, BIND_ADDRESS=address))


@pytest.mark.parametrize("name", ['a"b', "a$b", "a\\b", "a\nb"])
def test_directory_nginx_cannot_write_down_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(rendering.ProxyError, match="nginx takes no path with a quote, backslash or dollar sign"):
        rendering.render(settings_of(tmp_path / name))


def test_nginx_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(rendering.ProxyError, match=r"^/nowhere/nginx: cannot be run .* set NGINX to an nginx with njs"):
        rendering.render(settings_of(tmp_path, NGINX="/nowhere/nginx"))


def test_the_paths_of_certificates_are_quotable_too(tmp_path: Path) -> None:
    with pytest.raises(rendering.ProxyError, match="nginx takes no path with a quote, backslash or dollar sign"):
        rendering.render(settings_of(tmp_path, TLS_CERTIFICATE='/a"b.pem', TLS_KEY="/a.key"))


def test_what_nginx_says_of_a_broken_configuration_is_passed_on(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    rendering.render(settings)
    (tmp_path / "nginx" / "server" / "routes.conf").write_text("nonsense on;")
    with pytest.raises(rendering.ProxyError, match=r'nginx refuses its configuration.*unknown directive "nonsense"'):
        rendering.check(settings)
