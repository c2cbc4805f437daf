"""Which nodes there are, and with which keys they are asked: MANAGEMENT_NODES and what belongs to it."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

from scripts.console import print_notice
from scripts.environment import SettingsError, is_loopback, origins
from scripts.nodes.node import Node
from scripts.settings import Settings, given_values, load_settings

_NEEDED = ("MANAGEMENT_NODES", "MANAGEMENT_NODES_KEY_FILE", "MANAGEMENT_NODES_CA")
_FORM = "write the key that all nodes have, or a line for each node: its address, a space, its key"


def named_nodes(at: str | None, leaving: Event) -> list[Node]:
    """The nodes of ``at``, by default those of MANAGEMENT_NODES; once ``leaving`` is set they wait for nothing.

    What the stack of this machine was started with does not count. Raises SettingsError.
    """
    settings = load_settings(given_values(_NEEDED))
    urls = settings.management_nodes if at is None else origins("--at", at)
    if not urls:
        raise SettingsError(
            "no nodes are named; set MANAGEMENT_NODES or give --at, as in --at 'https://10.0.0.1:8443 "
            "https://10.0.0.2:8443', the MANAGEMENT_LISTEN of each"
        )
    if settings.management_nodes_ca and not settings.management_nodes_ca.is_file():
        raise SettingsError(f"MANAGEMENT_NODES_CA={settings.management_nodes_ca}: there is no such file")
    keys = _keys(settings)
    for url in urls:
        if url.startswith("http://") and not is_loopback(urlsplit(url).hostname or ""):
            print_notice(
                f"{url}: keys are readable on the way there; https needs MANAGEMENT_TLS_CERTIFICATE on the node."
            )
    return [Node(url, _key(settings, keys, url), settings.management_nodes_ca, leaving) for url in urls]


def _keys(settings: Settings) -> dict[str, str]:
    """By address, or under an empty one the key of all. Raises SettingsError."""
    path = settings.management_nodes_key_file
    if path is None:
        raise SettingsError(
            "MANAGEMENT_NODES_KEY_FILE is not set: give a file with the keys that `scripts/models key add NAME` "
            "printed on the nodes"
        )
    return dict(_line(path, line) for line in _lines(path) if line.strip() and not line.lstrip().startswith("#"))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"MANAGEMENT_NODES_KEY_FILE={path}: cannot be read ({error}); {_FORM}") from error


def _line(path: Path, line: str) -> tuple[str, str]:
    parts = line.split()
    if len(parts) > 2:  # not shown: there are keys in it
        raise SettingsError(f"MANAGEMENT_NODES_KEY_FILE={path}: a line has {len(parts)} words; {_FORM}")
    return ("" if len(parts) == 1 else parts[0].rstrip("/")), parts[-1]


def _key(settings: Settings, keys: dict[str, str], url: str) -> str:
    key = keys.get(url, keys.get(""))
    if key is None:
        raise SettingsError(
            f"MANAGEMENT_NODES_KEY_FILE={settings.management_nodes_key_file}: no key for {url}; {_FORM}"
        )
    return key
