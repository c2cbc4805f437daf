"""``scripts/models key``: the keys of remote management (MANAGEMENT_LISTEN)."""

from __future__ import annotations

from typing import Annotated

import typer

from scripts.console import new_app
from scripts.lifecycle.answers import Answers
from scripts.proxy.management_keys import KeyNameError, add_key, read_keys, remove_key

app = new_app("Make, list or remove the keys of remote management (MANAGEMENT_LISTEN).")

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Who the key is for.")]


@app.command()
def add(name: KeyName = "", as_json: Json = False) -> int:
    """Make a key and show it, this once."""
    answers = Answers(as_json)
    key = add_key(answers.settings, _required(name, "add"))
    return answers.print({"name": name, "key": key}, f"{key}\nThis is the only time the key is shown.")


@app.command("list")
def list_keys(as_json: Json = False) -> int:
    """Show who has a key, and since when."""
    answers = Answers(as_json)
    made = {name: entry["made"] for name, entry in read_keys(answers.settings).items()}
    return answers.print(made, "\n".join(f"{time}  {name}" for name, time in made.items()) or "There are no keys.")


@app.command()
def remove(name: KeyName = "", as_json: Json = False) -> int:
    """Remove a key; it is refused from now on."""
    answers = Answers(as_json)
    remove_key(answers.settings, _required(name, "remove"))
    return answers.print({"name": name}, f"The key {name} is refused from now on.")


def _required(name: str, action: str) -> str:
    if not name:
        raise KeyNameError(f"give the key to {action} a name")
    return name
