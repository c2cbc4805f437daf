"""Make a change on several nodes: everywhere or nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from scripts.errors import INTERRUPTED, MIXED, UNKNOWN, UserError
from scripts.nodes.node import Node, NodeError, Version
from scripts.nodes.outcomes import Outcome, Result
from scripts.nodes.restoring import NotRestoredError, restore
from scripts.nodes.work import Interruptions, Tell, on_all

Answer = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """A command of ``scripts/models`` for all nodes; if ``rolling``, for one after the other."""

    command: str
    model: str
    parameters: dict[str, str] = field(default_factory=dict)
    rolling: bool = False


class Together:
    """Makes one change on ``nodes``; ``tell`` is called before what takes time.

    Once ``leaving`` is set, which the nodes know too, nothing is waited for any more.
    """

    def __init__(self, nodes: Sequence[Node], request: Request, tell: Tell, leaving: Event) -> None:
        self._nodes = nodes
        self._request = request
        self._tell = tell
        self._leaving = leaving
        self._interruptions = Interruptions(tell, leaving)
        self._planned: dict[Node, Answer] = {}
        self._before: dict[Node, list[Version]] = {}
        self._answers: dict[Node, Answer] = {}
        self._failures: dict[Node, UserError] = {}

    def make(self) -> Result:
        """Ask every node whether it may be done, and if so have it done, or undone; what came of it."""
        self._tell(f"Asking {len(self._nodes)} node(s) whether it can be done")
        self._planned, self._failures = on_all(self._nodes, self._plan, self._leaving)
        self._failures |= _differences(self._request, self._planned) if not self._failures else {}
        if not self._failures:
            self._before, self._failures = on_all(
                self._nodes, lambda node: node.versions(self._planned[node]["model"]), self._leaving
            )
        if self._failures or (self._request.command == "unregister" and not self._todo):
            return self._refused()
        with self._interruptions.noted():
            return self._undo() if self._is_interrupted_or_fails() else self._done()

    def _plan(self, node: Node) -> Answer:
        request = self._request
        try:
            answer = node.plan(request.command, request.model, request.parameters)
        except NodeError as error:
            if (request.command, error.exit_code) != ("unregister", UNKNOWN):
                raise
            return {"model": request.model, "versions": [], "changed": False}
        if answer.get("trial"):  # it would go with the model, and could not be brought back
            raise NodeError(f"{node.url}: {answer['trial']}")
        return answer

    @property
    def _todo(self) -> list[Node]:
        """The nodes that are not as they shall be."""
        return [node for node in self._nodes if self._planned[node].get("changed", True)]

    def _is_interrupted_or_fails(self) -> bool:
        """Make the change on the nodes that it changes."""
        request = self._request
        for group in [[node] for node in self._todo] if request.rolling else [self._todo]:
            if group and not self._failures and not self._interruptions.count:
                self._tell(f"{request.command} {request.model}: {', '.join(node.url for node in group)}")
                answers, failures = on_all(group, self._change, self._leaving)
                self._answers |= answers
                self._failures |= failures
        return bool(self._failures or self._interruptions.count)

    def _change(self, node: Node) -> Answer:
        answer = node.change(self._request.command, self._request.model, self._request.parameters)
        expected = self._planned[node].get("sha256")
        if expected:
            found = {version.version: version.sha256 for version in node.versions(answer["model"])}
            if found.get(answer["version"]) not in (None, expected):
                raise NodeError(f"{node.url}: the archive was replaced meanwhile: its SHA-256 was {expected[:12]}…")
        return answer

    def _undo(self) -> Result:
        """Bring back every node that was asked, also one that failed or went away: what is there now decides."""
        asked = [*self._answers, *self._failures]
        restored: dict[Node, bool] = {}
        failures: dict[Node, UserError] = {}
        for group in [[node] for node in reversed(asked)] if self._request.rolling else [asked]:
            if group:
                self._tell(f"Undoing it: {', '.join(node.url for node in group)}")
                answers, failed = on_all(group, self._restore, self._leaving)
                restored |= answers
                failures |= failed
        outcomes = [self._undone(node, restored.get(node), failures.get(node)) for node in self._nodes]
        first = next(iter(self._failures.values()), None)
        code = INTERRUPTED if first is None or self._interruptions.count else first.exit_code
        return Result(outcomes, MIXED if any(outcome.state == "not undone" for outcome in outcomes) else code)

    def _restore(self, node: Node) -> bool:
        return restore(node, self._planned[node]["model"], self._before[node])

    def _undone(self, node: Node, restored: bool | None, unrestored: UserError | None) -> Outcome:
        failure = self._failures.get(node)
        if node not in self._answers and failure is None:
            return Outcome(node.url, "could", "it was not begun")
        if restored is None:
            text = "; ".join(dict.fromkeys(_said(node, error) for error in (failure, unrestored) if error))
            return Outcome(node.url, "not undone", text, self._remedy(node, unrestored))
        text = _said(node, failure) if failure else "as it was before"
        return Outcome(node.url, "undone" if restored else "failed" if failure else "as it was", text)

    def _remedy(self, node: Node, unrestored: UserError | None) -> str:
        """The command that undoes it on a node, once that answers, or what is left of it."""
        if isinstance(unrestored, NotRestoredError):
            return f"scripts/models nodes {unrestored.remedy} --at {node.url}"
        model, before = self._planned[node]["model"], self._before[node]
        undo = {
            "register": f"unregister {model} --version {self._planned[node].get('version')}",
            "unregister": f"register {model}",
            "scale": f"scale {model} {before[0].workers if before else 0}",
        }.get(self._request.command, f"rollback {model}")
        return f"scripts/models nodes {undo} --at {node.url}"

    def _refused(self) -> Result:
        could = "nothing was changed" if self._failures else f"has no {self._request.model}"
        outcomes = [
            Outcome(node.url, "failed", _said(node, self._failures[node]))
            if node in self._failures
            else Outcome(node.url, "could" if self._failures else "failed", could)
            for node in self._nodes
        ]
        return Result(outcomes, next((error.exit_code for error in self._failures.values()), UNKNOWN))

    def _done(self) -> Result:
        outcomes = [
            Outcome(
                node.url,
                "done" if node in self._answers else "as it was",
                _text(self._planned[node] | self._answers.get(node, {})),
            )
            for node in self._nodes
        ]
        return Result(outcomes, 0, self._planned[self._nodes[0]].get("sha256"))


def _differences(request: Request, planned: dict[Node, Answer]) -> dict[Node, UserError]:
    """The nodes, if they would not all do the same, each with what it would do."""
    if request.command not in _ALIKE:
        return {}
    by_content = request.command != "rollback"
    found = {node: (plan["version"], plan["sha256"] if by_content else None) for node, plan in planned.items()}
    if len(set(found.values())) == 1:
        return {}
    return {node: NodeError(f"{node.url}: {_would_be(planned[node])}: {_ALIKE[request.command]}") for node in planned}


def _would_be(plan: Answer) -> str:
    digest = f", SHA-256 {plan['sha256'][:12]}…" if plan["sha256"] else ""
    return f"it would be {plan['model']} {plan['version']}{digest}"


_COPY = "the nodes differ; copy one archive and its .sha256 into the model store of each"
_ALIKE = {"register": _COPY, "upgrade": _COPY, "rollback": "the nodes differ; roll each back by itself, with --at"}


def _said(node: Node, error: UserError) -> str:
    return str(error).removeprefix(f"{node.url}: ")


def _text(answer: Answer) -> str:
    if "versions" in answer:
        return f"{answer['model']} {', '.join(answer['versions'])} is not registered any more".replace("  ", " ")
    before = f", instead of {answer['before']}" if answer["before"] else ""
    return f"{answer['model']} {answer['version']} with {answer['workers']} worker(s){before}"
