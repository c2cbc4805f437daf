"""An nginx that ``NGINX`` names: its modules are loaded, and directives that it lacks are left out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.proxy import rendering
from tests.proxy.rendered import TLS, rendered, settings_of


def test_another_nginx_is_run_when_it_is_set(tmp_path: Path) -> None:
    assert rendering.command(settings_of(tmp_path, NGINX="/opt/nginx"))[0] == "/opt/nginx"


def test_njs_is_loaded_where_it_is_a_module_of_its_own(tmp_path: Path) -> None:
    """As with Debian's nginx: ``-V`` names the directory of the modules."""
    module = tmp_path / "ngx_http_js_module.so"
    module.touch()
    nginx = tmp_path / "nginx"
    nginx.write_text(f"#!/bin/sh\necho 'configure arguments: --prefix=/usr --modules-path={tmp_path} --with-x' >&2\n")
    nginx.chmod(0o755)
    settings = settings_of(tmp_path / "run", NGINX=str(nginx))
    assert f'load_module "{module}";' in rendering.render(settings).read_text()
    module.unlink()
    assert "load_module" not in rendering.render(settings).read_text()


@pytest.mark.parametrize(("version", "known"), [("1.26.3", False), ("1.27.4", True), ("1.31.3", True)])
def test_a_directive_that_an_older_nginx_lacks_is_left_out_there(tmp_path: Path, version: str, known: bool) -> None:
    nginx = tmp_path / "nginx"
    nginx.write_text(f"#!/bin/sh\necho 'nginx version: nginx/{version}' >&2\n")
    nginx.chmod(0o755)
    files = rendered(settings_of(tmp_path / "run", NGINX=str(nginx), **TLS))
    assert ("\nkeepalive_min_timeout " in files["http/limits.conf"]) == known
    assert ("\nssl_object_cache_inheritable off;" in files["nginx.conf"]) == known


def test_connections_to_torchserve_are_kept_by_an_nginx_that_must_be_told(tmp_path: Path) -> None:
    """The pinned one keeps them by itself, as any since 1.29.7; one that NGINX names may be older."""
    files = rendered(settings_of(tmp_path))
    assert re.findall(r"^ *keepalive (\d+);$", files["http/torchserve.conf"], re.MULTILINE) == ["32"]
    told = set(files["server/predict_request.conf"].splitlines())
    assert {"proxy_http_version 1.1;", 'proxy_set_header Connection "";'} <= told
