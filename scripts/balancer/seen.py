"""What a balancer that runs sees of its nodes, by its metrics."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import requests

from scripts.proxy.own import own_session, own_url
from scripts.settings import Settings

_SECONDS = 5.0
_NODE = re.compile(r'^emotion_node_up\{node="([^"]+)"\} (\d)$', re.MULTILINE)
_MODELS = re.compile(r"^emotion_models_(available|loaded) (\d+)$", re.MULTILINE)


@dataclass(frozen=True)
class Seen:
    """``nodes`` by their names in NODES: whether each answers; how many models they list and how many can be asked."""

    nodes: dict[str, bool] = field(default_factory=dict)
    available: int = 0
    loaded: int = 0


def seen(settings: Settings) -> Seen:
    """What the balancer sees now; nothing if it does not answer, or METRICS_ALLOW keeps this machine out."""
    try:
        with own_session(settings) as session:
            text = session.get(f"{own_url(settings)}/metrics", timeout=_SECONDS).text
    except requests.RequestException:
        return Seen()
    models = {name: int(number) for name, number in _MODELS.findall(text)}
    nodes = {node: up == "1" for node, up in _NODE.findall(text)}
    return Seen(nodes, models.get("available", 0), models.get("loaded", 0))
