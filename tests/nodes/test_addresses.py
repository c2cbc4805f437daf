"""Which nodes and keys ``scripts/models nodes`` takes, and what it says of those that it cannot."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.authority import Authority, Installed
from tests.support.commands import run_command
from tests.support.ports import free_ports
from tests.support.proxies import running_proxy

NODES = "http://127.0.0.1:9 http://localhost:9"
FORM = "write the key that all nodes have, or a line for each node: its address, a space, its key"


@pytest.mark.parametrize(
    ("nodes", "keys", "told"),
    [
        ("", None, "no nodes are named; set MANAGEMENT_NODES or give --at, as in --at 'https://10.0.0.1:8443 "),
        (NODES, None, "MANAGEMENT_NODES_KEY_FILE is not set: give a file with the keys that `scripts/models key add "),
        (NODES, "", "KEYS: no key for http://127.0.0.1:9; " + FORM),
        (NODES, "http://127.0.0.1:9 secret", "KEYS: no key for http://localhost:9; " + FORM),
        (NODES, "a b secret", "KEYS: a line has 3 words; " + FORM),
    ],
)
def test_what_cannot_be_used_is_told(tmp_path: Path, nodes: str, keys: str | None, told: str) -> None:
    environment = {**os.environ, "MANAGEMENT_NODES": nodes, "RUN_DIR": str(tmp_path)}
    if keys is not None:
        (tmp_path / "keys").write_text(keys)
        environment["MANAGEMENT_NODES_KEY_FILE"] = str(tmp_path / "keys")
    refused = run_command(environment, "lifecycle", "nodes", "list")
    assert refused.returncode == 1
    assert told.replace("KEYS", f"MANAGEMENT_NODES_KEY_FILE={tmp_path}/keys") in refused.stderr
    assert "secret" not in refused.stderr


def test_an_address_is_refused_and_a_missing_authority_too(tmp_path: Path) -> None:
    environment = {**os.environ, "MANAGEMENT_NODES_CA": str(tmp_path / "none.pem"), "RUN_DIR": str(tmp_path)}
    refused = run_command(environment, "lifecycle", "nodes", "list", "--at", "10.0.0.1:8443")
    assert refused.stderr == "--at: 10.0.0.1:8443: write each as in https://10.0.0.1:8443, separated by spaces\n"
    refused = run_command(environment, "lifecycle", "nodes", "list", "--at", NODES)
    assert refused.stderr == f"MANAGEMENT_NODES_CA={tmp_path}/none.pem: there is no such file\n"


def test_nodes_that_do_not_answer_are_named(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("# of both\nsecret\n")
    environment = {**os.environ, "MANAGEMENT_NODES_KEY_FILE": str(tmp_path / "keys"), "RUN_DIR": str(tmp_path)}
    refused = run_command(environment, "lifecycle", "nodes", "list", "--at", NODES)
    told = (
        "does not answer (Connection refused); start it (`make start` there, with MANAGEMENT_LISTEN), or leave it out"
    )
    assert (refused.returncode, refused.stderr) == (4, "".join(f"{node}: {told}\n" for node in NODES.split()))


@pytest.mark.stack
def test_a_certificate_must_be_one_of_the_given_authority(tmp_path: Path, authority: Authority) -> None:
    listen = f"localhost:{free_ports(1)[0]}"
    (tmp_path / "keys").write_text("wrong\n")
    settings = {**Installed(tmp_path, authority.issue("own")).settings, "MANAGEMENT_LISTEN": listen}
    environment = {**os.environ, "MANAGEMENT_NODES_KEY_FILE": str(tmp_path / "keys"), "RUN_DIR": str(tmp_path)}
    with running_proxy(tmp_path / "run", settings):
        at = ("nodes", "list", "--at", f"https://{listen}")
        untrusted = run_command(environment, "lifecycle", *at)
        trusted = run_command({**environment, "MANAGEMENT_NODES_CA": str(authority.file)}, "lifecycle", *at)
    assert untrusted.returncode == trusted.returncode == 1
    assert "no trusted connection (certificate verify failed" in untrusted.stderr
    assert "set MANAGEMENT_NODES_CA to the PEM file of the authority" in untrusted.stderr
    assert "refuses the key" in trusted.stderr
