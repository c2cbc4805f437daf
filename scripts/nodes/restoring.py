"""Bring a model of a node back to what it was before a change, by what is there now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scripts.nodes.node import LostError, Node, NodeError, Version


class NotRestoredError(NodeError):
    """A node could be asked, and is not as it was all the same. ``remedy`` is the command that mends it there."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def restore(node: Node, model: str, before: Sequence[Version]) -> bool:
    """Bring a model back to ``before``, its versions then, the default one first. Whether there was anything to do.

    Raises NotRestoredError unless all is as it was in the end, and NodeError for what could not be done.
    """
    node.settle()
    if _same(before, node.versions(model)):
        return False
    if before:
        _bring_back(node, model, before)
    else:
        node.change("unregister", model, {})
    if not _same(before, now := node.versions(model)):
        told = f"{node.url}: {model} is not as it was: {_listed(now)}, before {_listed(before)}"
        raise NotRestoredError(told, _remedy(model, before, now))
    return True


def _bring_back(node: Node, model: str, before: Sequence[Version]) -> None:
    now = node.versions(model)
    if now and now[0].version != before[0].version:
        _let_serve(node, model, before[0])
    kept = {version.version for version in before}
    for version in node.versions(model):
        if version.version not in kept:
            node.change("unregister", model, {"version": version.version})
    there = {version.version for version in node.versions(model)}
    for version in before:
        if version.version not in there:
            _load(node, "register", model, version)
    workers = {version.version: version.workers for version in node.versions(model)}
    for version in before:
        if workers[version.version] != version.workers:
            node.change("scale", model, {"workers": str(version.workers), "version": version.version})


def _let_serve(node: Node, model: str, version: Version) -> None:
    """Let a version serve: by a rollback if that leads to it, else by an upgrade."""
    planned = _planned(node, "rollback", model, {})
    if not isinstance(planned, NodeError) and planned.get("version") == version.version:
        node.change("rollback", model, {})
    else:
        _load(node, "upgrade", model, version)


def _planned(node: Node, command: str, what: str, parameters: Mapping[str, str]) -> Mapping[str, Any] | NodeError:
    """What a change would come to, or why it is refused."""
    try:
        return node.plan(command, what, parameters)
    except LostError:
        raise
    except NodeError as error:
        return error


def _remedy(model: str, before: Sequence[Version], now: Sequence[Version]) -> str:
    """The first of the changes that bring a model from what it is to what it was."""
    was, is_ = ({version.version: version for version in versions} for versions in (before, now))
    if not before:
        return f"unregister {model}"
    if not now:
        return f"register {before[0].file}"
    if now[0].version != before[0].version:
        return f"upgrade {model} {before[0].file}"
    for version in [*now, *before]:
        if version.version not in was:
            return f"unregister {model} --version {version.version}"
        if version.version not in is_:
            return f"register {version.file}"
        if is_[version.version].workers != was[version.version].workers:
            return f"scale {model} {was[version.version].workers} --version {version.version}"
    return f"upgrade {model} {before[0].file}"


def _same(before: Sequence[Version], now: Sequence[Version]) -> bool:
    """Whether the same versions are there, in the same order, with as many workers."""

    def facts(versions: Sequence[Version]) -> list[tuple[str, str | None, int]]:
        return [(version.version, version.sha256, version.workers) for version in versions]

    return facts(before) == facts(now)


def _listed(versions: Sequence[Version]) -> str:
    return ", ".join(f"{version.version} with {version.workers} worker(s)" for version in versions) or "not registered"


def _load(node: Node, command: str, model: str, version: Version) -> None:
    """Register or upgrade to a version, from an archive with that content; its file may have another name by now."""
    files = (version.file, f"{version.file.removesuffix('.mar')}-{version.version}.mar")
    asked: list[tuple[str, dict[str, str]]] = [(model, {"archive": file}) for file in files]
    if command == "register":
        asked = [(what, {"workers": str(version.workers)}) for what in (model, *files)]
    reasons = []
    for what, parameters in asked:
        planned = _planned(node, command, what, parameters)
        if isinstance(planned, NodeError):
            reasons.append(planned)
        elif (planned["version"], planned["sha256"]) == (version.version, version.sha256):
            node.change(command, what, parameters)
            return
    if len(reasons) == len(asked):
        raise reasons[0]
    raise NodeError(f"{node.url}: no archive there has version {version.version} of {model} any more")
