"""The commands on a file of keys: ``scripts/keys``, and ``scripts/models key``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

from scripts.access.key_file import KeyFile, KeyNameError
from scripts.console import examples, new_app
from scripts.running import running_settings
from scripts.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Who the key is for.")]


def new_key_app(
    description: str,
    *lines: str,
    file: Callable[[Settings], KeyFile],
    after: Callable[[Settings], None],
    command: str,
    completion: bool = False,
) -> typer.Typer:
    """A command line that adds, lists and removes the keys of ``file``.

    ``lines`` are examples of ``command``, which is how it is called. ``after`` runs when a key was made: it may tell
    what else is to be done.
    """
    app = new_app(description, *lines, completion=completion)

    @app.command(epilog=examples(f"{command} add phone-app"))
    def add(name: KeyName = "", as_json: Json = False) -> int:
        """Make a key and show it, this once."""
        settings = running_settings()
        key = file(settings).add(_required(name, "add"))
        _print({"name": name, "key": key} if as_json else f"{key}\nThis is the only time the key is shown.")
        after(settings)
        return 0

    @app.command("list", epilog=examples(f"{command} list"))
    def list_keys(as_json: Json = False) -> int:
        """Show who has a key, and since when."""
        keys = file(running_settings()).read()
        _print({name: key["made"] for name, key in keys.items()} if as_json else _lines(keys))
        return 0

    @app.command(epilog=examples(f"{command} remove phone-app"))
    def remove(name: KeyName = "", as_json: Json = False) -> int:
        """Remove a key; it is refused a second later at most."""
        file(running_settings()).remove(_required(name, "remove"))
        _print({"name": name} if as_json else f"The key {name} is refused from now on.")
        return 0

    return app


def _lines(keys: Mapping[str, dict[str, Any]]) -> str:
    lines = [f"{key['made']}  {name}{_limits(key)}" for name, key in keys.items()]
    return "\n".join(lines) or "There are no keys."


def _limits(key: dict[str, Any]) -> str:
    words = {"requests": "at once", "rate": "a second"}
    told = [f"{key[field]} {word}" for field, word in words.items() if field in key]
    return f" ({', '.join(told)})" if told else ""


def _required(name: str, action: str) -> str:
    if not name:
        raise KeyNameError(f"give the key to {action} a name")
    return name


def _print(answer: str | dict[str, str]) -> None:
    print(answer if isinstance(answer, str) else json.dumps(answer, indent=2, ensure_ascii=False))
