"""Bring a model of a node back to what it was before a change, by what is there now."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from scripts.nodes.node import Node, NodeError, Version


def restore(node: Node, model: str, before: Sequence[Version]) -> bool:
    """Bring a model back to ``before``, its versions then, the default one first. Whether there was anything to do.

    Raises NodeError if that is not possible.
    """
    node.settle()
    now = node.versions(model)
    if _same(before, now):
        return False
    if not before:
        node.change("unregister", model, {})
        return True
    if now and now[0].version != before[0].version:
        node.change("rollback", model, {})
    kept = {version.version for version in before}
    for version in node.versions(model):
        if version.version not in kept:
            node.change("unregister", model, {"version": version.version})
    there = {version.version for version in node.versions(model)}
    for version in before:
        if version.version not in there:
            _register(node, model, version)
    workers = {version.version: version.workers for version in node.versions(model)}
    for version in before:
        if workers[version.version] != version.workers:
            node.change("scale", model, {"workers": str(version.workers), "version": version.version})
    return True


def _same(before: Sequence[Version], now: Sequence[Version]) -> bool:
    """Whether the same versions are there, in the same order, with as many workers."""

    def facts(versions: Sequence[Version]) -> list[tuple[str, str | None, int]]:
        return [(version.version, version.sha256, version.workers) for version in versions]

    return facts(before) == facts(now)


def _register(node: Node, model: str, version: Version) -> None:
    """Register a version again, from an archive with that content; its file may have another name by now."""
    kept = f"{version.file.removesuffix('.mar')}-{version.version}.mar"
    parameters = {"workers": str(version.workers)}
    for what in (model, version.file, kept):
        planned: dict[str, Any] = {}
        with suppress(NodeError):
            planned = node.plan("register", what, parameters)
        if planned and (planned["version"], planned["sha256"]) == (version.version, version.sha256):
            node.change("register", what, parameters)
            return
    raise NodeError(f"{node.url}: no archive there has version {version.version} of {model} any more")
