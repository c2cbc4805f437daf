"""What other machines ask for is done once, also while the disk is full."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from scripts.settings import load_settings
from scripts.stack.wishes import Wishes
from tests.support.disk import files_up_to

CHANGE = "f" * 32
ASKED_FOR = "`rollback M` was asked for (ops): exit code 4"  # no stack runs
WAITS = "what other machines ask for waits until then"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = load_settings({"RUN_DIR": str(tmp_path)}).registrations_dir
    made.mkdir()
    return made


def wishes(folder: Path, announce: Callable[[str], None]) -> Wishes:
    return Wishes(load_settings({"RUN_DIR": str(folder.parent)}), announce)


def put(folder: Path, name: str, state: str, since: float = 0, **more: str) -> None:
    wish = {"since": since, "state": state, "key": "ops", "command": "rollback", "model": "M", "id": name, **more}
    (folder / f"{name}.json").write_text(json.dumps(wish))


def read(folder: Path) -> dict[str, Any]:
    wish: dict[str, Any] = json.loads((folder / f"{CHANGE}.json").read_text())
    return wish


def test_a_change_whose_beginning_cannot_be_written_waits_for_room(folder: Path) -> None:
    announced: list[str] = []
    waiting = wishes(folder, announced.append)
    put(folder, CHANGE, "waiting")
    with files_up_to(0):
        for _ in range(3):
            waiting.fulfil()
    assert ([WAITS in message for message in announced], read(folder)["state"]) == ([True], "waiting")
    for _ in range(2):
        waiting.fulfil()
    assert announced[1:] == [ASKED_FOR]
    assert (read(folder)["state"], read(folder)["status"]) == ("failed", 503)


def test_an_outcome_that_cannot_be_written_is_written_later_and_nothing_done_again(folder: Path) -> None:
    announced: list[str] = []
    with ExitStack() as full:

        def announce(message: str) -> None:
            announced.append(message)
            if message == ASKED_FOR:
                full.enter_context(files_up_to(0))

        waiting = wishes(folder, announce)
        put(folder, CHANGE, "waiting")
        for _ in range(3):
            waiting.fulfil()
        assert read(folder)["state"] == "under way"
    waiting.fulfil()
    assert (read(folder)["state"], read(folder)["status"]) == ("failed", 503)
    assert (announced[0], [WAITS in message for message in announced[1:]]) == (ASKED_FOR, [True])


def test_what_an_earlier_supervisor_left_is_given_up_although_the_disk_was_full(folder: Path) -> None:
    announced: list[str] = []
    put(folder, CHANGE, "waiting")
    began = wishes(folder, announced.append)
    with files_up_to(0):
        began.begin()
    began.fulfil()
    assert (read(folder)["state"], read(folder)["result"]) == ("failed", "Interrupted; ask for it again.")
    assert ASKED_FOR not in announced


def test_dry_runs_take_no_room_from_changes(folder: Path) -> None:
    for number in range(60):
        put(folder, f"{number:032x}", "done", number)
        put(folder, f"{number + 100:032x}", "done", number, dry_run="true")
    put(folder, CHANGE, "waiting", 1000)
    wishes(folder, lambda message: None).fulfil()
    left = sorted(int(file.stem, 16) for file in folder.glob("*.json"))
    assert left == [*range(11, 60), *range(110, 160), int(CHANGE, 16)]


def test_no_folder_of_the_server_is_told() -> None:
    with TemporaryDirectory() as place:  # outside of the clone
        folder = load_settings({"RUN_DIR": place}).registrations_dir
        folder.mkdir()
        put(folder, CHANGE, "waiting")
        wishes(folder, lambda message: None).fulfil()
        assert read(folder)["result"] == f"no stack runs with RUN_DIR={Path(place).name}; `make start` starts the stack"
