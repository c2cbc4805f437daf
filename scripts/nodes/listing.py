"""The models of several nodes, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.table import Table

from scripts.catalogue import Model
from scripts.nodes.node import Node, Version

COLUMNS = ("Model", "Node", "Version", "State", "Workers", "Queue", "SHA-256")


@dataclass(frozen=True)
class Row:
    """One version of a model on a node; ``default`` marks the one that answers.

    ``state`` is ``ready``, ``starting`` (no worker is READY yet, or again) or ``idle`` (without a worker).
    """

    model: str
    node: str
    version: str
    default: bool
    state: str
    workers: int
    ready: int
    queue: int
    sha256: str | None


def rows_of(node: Node, catalogue: Mapping[str, Model]) -> list[Row]:
    """All versions of all models of a node. Raises NodeError."""
    names = {model.archive_name: name for name, model in catalogue.items()}
    return [
        _row(names.get(name, name), node, version, index == 0)
        for name in node.models()
        for index, version in enumerate(node.versions(name))
    ]


def differing(rows: Sequence[Row], nodes: int) -> list[str]:
    """What to tell of models that do not serve the same content on all nodes."""
    sentences = []
    for model in dict.fromkeys(row.model for row in rows):
        serving = [row for row in rows if row.model == model and row.default]
        if len(serving) < nodes:
            sentences.append(f"{model} is registered on {len(serving)} of {nodes} nodes.")
        if len({(row.version, row.sha256) for row in serving}) > 1:
            sentences.append(f"{model} does not serve the same archive on all nodes.")
    return sentences


def table(rows: Sequence[Row]) -> Table:
    """The rows as a person reads them, by model."""
    shown = Table(*COLUMNS, box=None, pad_edge=False)
    models = list(dict.fromkeys(row.model for row in rows))
    for row in sorted(rows, key=lambda row: models.index(row.model)):
        others = sum((other.model, other.node) == (row.model, row.node) for other in rows) > 1
        version = row.version + (" *" if row.default and others else "")
        counts = (f"{row.ready}/{row.workers}", str(row.queue), (row.sha256 or "")[:12])
        shown.add_row(row.model, row.node, version, row.state, *counts)
    return shown


def _row(model: str, node: Node, version: Version, default: bool) -> Row:
    return Row(
        model=model,
        node=node.url,
        version=version.version,
        default=default,
        state="ready" if version.ready else "starting" if version.workers else "idle",
        workers=version.workers,
        ready=version.ready,
        queue=version.queue,
        sha256=version.sha256,
    )
