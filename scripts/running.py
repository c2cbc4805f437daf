"""The stack of this clone that runs now: its processes, and the settings that it was started with.

They are kept in its run directory, so that no other command need be told them again, nor speaks to another stack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import typer
from rich.console import Console

from scripts.console import print_notice
from scripts.errors import NOT_RUNNING, UserError
from scripts.files import write_text
from scripts.processes import read_records
from scripts.settings import Settings, given_values, load_settings

# No stack reads them: which one is meant, and the nodes that `scripts/models nodes` changes.
_OF_COMMANDS = ("RUN_DIR", "MANAGEMENT_NODES", "MANAGEMENT_NODES_KEY_FILE", "MANAGEMENT_NODES_CA")


class NoStackError(UserError):
    """The stack of this clone does not run."""

    exit_code = NOT_RUNNING


def record_file(run_dir: Path) -> Path:
    """The record of the processes of the stack that was started with that run directory."""
    return run_dir / "stack.json"


def is_running(run_dir: Path) -> bool:
    """Whether anything of that stack runs."""
    return any(record.alive for record in read_records(record_file(run_dir)).values())


def require_running(settings: Settings) -> None:
    """Raise NoStackError if nothing of that stack runs: another clone's may have its ports."""
    if not is_running(settings.run_dir):
        raise NoStackError(f"no stack runs with RUN_DIR={settings.run_dir}")


def internal_ports(settings: Settings) -> dict[str, int]:
    """TorchServe's three ports, which no client needs to know, by the name of their setting."""
    return {name: port for name, port in settings.ports.items() if name != "PORT"}


def keep_settings(settings: Settings) -> None:
    """Keep what this process was given, and the internal ports that it chose, for the commands on the running stack."""
    usual = internal_ports(load_settings({}))
    chosen = {name: str(port) for name, port in internal_ports(settings).items() if port != usual[name]}
    write_text(_kept_file(settings.run_dir), json.dumps(given_values() | chosen, indent=2) + "\n")


def forget_settings(settings: Settings) -> None:
    """Forget them, at a stop."""
    _kept_file(settings.run_dir).unlink(missing_ok=True)


def kept_settings(run_dir: Path) -> dict[str, str] | None:
    """What the stack that runs was given, by name; None if none runs, or if it was started by another version."""
    if not is_running(run_dir):
        return None
    try:
        values = json.loads(_kept_file(run_dir).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return values if isinstance(values, dict) else None


def running_settings(*needs: str) -> Settings:
    """The settings of the stack that runs with RUN_DIR, else those of this process, or ``needs`` of them alone.

    Says so where this process was given other ones. Raises SettingsError.
    """
    run_dir = load_settings(given_values(["RUN_DIR"])).run_dir
    kept = kept_settings(run_dir)
    if kept is None:
        return load_settings(given_values(needs) if needs else None)
    if not needs:
        _tell_differences(kept, given_values())
    return load_settings({**kept, "RUN_DIR": str(run_dir)})


def add_command(
    app: typer.Typer,
    command: Callable[[Settings, Console], int],
    *needs: str,
    console: type[Console] = Console,
    hidden: bool = False,
) -> None:
    """Add a command on the running stack, under the function's name and with its text for help.

    ``needs`` are the only settings that it reads, if not all: what is wrong in another one stops no stop.
    """

    def body() -> int:
        return command(running_settings(*needs), console(highlight=False))

    app.command(command.__name__, help=command.__doc__, hidden=hidden)(body)


def _tell_differences(kept: Mapping[str, str], given: Mapping[str, str]) -> None:
    for name, value in given.items():
        if name not in _OF_COMMANDS and value != kept.get(name):
            started = f"with {kept[name]}" if kept.get(name) else "without it"
            print_notice(f"{name}={value}: the running stack was started {started}, which holds until `make stop`.")


def _kept_file(run_dir: Path) -> Path:
    return run_dir / "settings.json"
