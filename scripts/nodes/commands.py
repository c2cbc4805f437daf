"""``scripts/models nodes``: the models of several nodes, changed everywhere or nowhere (docs/nodes.md)."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from threading import Event
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from scripts.catalogue import load_catalogue
from scripts.client.models import complete_model
from scripts.console import error_console, examples, new_app, print_error, print_notice
from scripts.nodes import listing
from scripts.nodes.addresses import named_nodes
from scripts.nodes.outcomes import Result
from scripts.nodes.together import Request, Together
from scripts.nodes.work import on_all
from scripts.settings import given_values, load_settings

app = new_app(
    """The models of several nodes at once: everywhere or nowhere.

    \b
    The nodes are those of MANAGEMENT_NODES, their keys lie in MANAGEMENT_NODES_KEY_FILE. canary, shadow, promote,
    abort, trials, apply, export, wait, logs and key are of one node: run them there.

    \b
    exit codes, beside those of the same commands on one node:
      4  a node does not answer; nothing was changed
      7  a node could not be put back: the table says which, and the command that mends it""",
    "scripts/models nodes list",
    "scripts/models nodes register VGG19_CK+48 --at 'https://10.0.0.1:8443 https://10.0.0.2:8443'",
    "scripts/models nodes upgrade VGG19_CK+48 VGG19_CKplus48-1.1.mar",
)
_MOST = 999  # what the management API takes
Count = Annotated[int, typer.Option(min=0, max=_MOST, metavar="N")]
At = Annotated[str | None, typer.Option(metavar="NODES", help="Their addresses; default: MANAGEMENT_NODES.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Timeout = Annotated[int, typer.Option(min=0, max=_MOST, metavar="SECONDS", help="For loading, on each node.")]
Patience = Annotated[
    int,
    typer.Option(
        "--wait", min=0, max=_MOST, metavar="SECONDS", help="For another change that is under way there; 0: refuse."
    ),
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", autocompletion=complete_model, help="A model, by the clients' name.")
]
_LOAD_SECONDS = 120


@app.command("list", epilog=examples("scripts/models nodes list", "scripts/models nodes list --json | jq '.[].sha256'"))
def list_models(at: At = None, as_json: Json = False) -> int:
    """Show the models of every node: version, state, workers, queue, checksum."""
    leaving = Event()
    nodes = named_nodes(at, leaving)
    catalogue = load_catalogue(load_settings(given_values(["CATALOGUE"])).catalogue)
    found, failures = on_all(nodes, lambda node: listing.rows_of(node, catalogue), leaving)
    rows = [row for node in found for row in found[node]]
    _print([asdict(row) for row in rows], listing.table(rows), as_json)
    for sentence in listing.differing(rows, len(found)):
        print_notice(sentence)
    for error in failures.values():
        print_error(error)
    return next((error.exit_code for error in failures.values()), 0)


@app.command(epilog=examples("scripts/models nodes register VGG19_CK+48", "scripts/models nodes register Guest.mar"))
def register(
    model: Annotated[str, typer.Argument(metavar="NAME|ARCHIVE", autocompletion=complete_model)],
    workers: Count = 1,
    at: At = None,
    timeout: Timeout = _LOAD_SECONDS,
    patience: Patience = 0,
    as_json: Json = False,
) -> int:
    """Register a model, or an archive that lies in the model store of each node; other versions go on answering."""
    given = {"workers": workers, "timeout": timeout, "wait": patience}
    return _make("register", model, given, at, as_json)


@app.command(epilog=examples("scripts/models nodes unregister VGG19_CK+48"))
def unregister(
    model: Name,
    version: Annotated[str | None, typer.Option(help="Only this version, which must not serve.")] = None,
    at: At = None,
    patience: Patience = 0,
    as_json: Json = False,
) -> int:
    """Remove a model, or one of its versions, once it has answered what it was asked."""
    return _make("unregister", model, {"version": version, "wait": patience}, at, as_json)


@app.command(epilog=examples("scripts/models nodes scale VGG19_CK+48 2"))
def scale(
    model: Name,
    workers: Annotated[int, typer.Argument(min=0, max=_MOST)],
    version: Annotated[str | None, typer.Option(help="Default: the version that serves.")] = None,
    at: At = None,
    timeout: Timeout = _LOAD_SECONDS,
    patience: Patience = 0,
    as_json: Json = False,
) -> int:
    """Change a model's number of workers on each node."""
    given = {"workers": workers, "version": version, "timeout": timeout, "wait": patience}
    return _make("scale", model, given, at, as_json)


@app.command(epilog=examples("scripts/models nodes upgrade VGG19_CK+48 VGG19_CKplus48-1.1.mar"))
def upgrade(
    model: Name,
    archive: Annotated[
        str | None,
        typer.Argument(metavar="ARCHIVE", help="File name in the model stores; default: the last one."),
    ] = None,
    at: At = None,
    timeout: Timeout = _LOAD_SECONDS,
    patience: Patience = 0,
    as_json: Json = False,
) -> int:
    """Replace the version that serves, on one node after the other; what was done is undone if one fails."""
    given = {"archive": archive, "timeout": timeout, "wait": patience}
    return _make("upgrade", model, given, at, as_json, rolling=True)


@app.command(epilog=examples("scripts/models nodes rollback VGG19_CK+48"))
def rollback(
    model: Name, at: At = None, timeout: Timeout = _LOAD_SECONDS, patience: Patience = 0, as_json: Json = False
) -> int:
    """Go back to the version that served before, on one node after the other."""
    return _make("rollback", model, {"timeout": timeout, "wait": patience}, at, as_json, rolling=True)


def _make(
    command: str, model: str, given: dict[str, Any], at: str | None, as_json: bool, *, rolling: bool = False
) -> int:
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    leaving, err = Event(), error_console(soft_wrap=True)
    request = Request(command, model, parameters, rolling)
    result = Together(
        named_nodes(at, leaving),
        request,
        lambda message: err.print(f"{message} …", style="dim", markup=False),
        leaving,
    ).make()
    _print(result.as_json(), _table(result), as_json)
    (print_error if result.exit_code else print_notice)(result.sentence)
    return result.exit_code


def _table(result: Result) -> Table:
    colours = {"done": "green", "failed": "red", "not undone": "red", "undone": "yellow"}
    shown = Table("Node", "Outcome", "", box=None, pad_edge=False)
    for outcome in result.outcomes:
        colour = colours.get(outcome.state, "default")
        remedy = f"; if it was done there, `{outcome.remedy}` undoes it" if outcome.remedy else ""
        shown.add_row(outcome.node, f"[{colour}]{outcome.state}[/]", escape(outcome.text + remedy))
    return shown


def _print(value: Any, shown: Table, as_json: bool) -> None:
    if as_json:
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        # A pipe has no width of its own; the table's lines must stay whole there.
        Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 500).print(shown)
