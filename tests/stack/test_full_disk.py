"""What the supervisor says of the parts while the disk is full."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from scripts.settings import load_settings
from scripts.stack.stack import Stack
from scripts.stack.supervision import read_supervision
from scripts.stack.supervisor import Supervisor
from tests.support.disk import files_up_to


def test_it_is_written_once_there_is_room(tmp_path: Path) -> None:
    settings = load_settings({"RUN_DIR": str(tmp_path)})
    supervisor = Supervisor(Stack(settings, Console(quiet=True)), 1, print)

    def told() -> str | None:
        said = read_supervision(settings)
        return said.parts["proxy"].state if said else None

    supervisor._say("proxy", "starting")
    with files_up_to(0):
        supervisor._say("proxy", "failing")
        supervisor._write_again()
    assert told() == "starting"
    supervisor._write_again()
    assert told() == "failing"
