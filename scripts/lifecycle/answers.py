"""How a command of ``scripts/models`` answers: text or a table on standard output, or JSON alone."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from functools import cached_property
from typing import Any

from rich.console import Console
from rich.markup import escape

from scripts.catalogue import load_catalogue
from scripts.console import error_console
from scripts.lifecycle.outcomes import Change
from scripts.lifecycle.plans import Plan, as_json
from scripts.lifecycle.trying import Trying
from scripts.running import require_running, running_settings
from scripts.settings import Settings


class Answers:
    """The answers of one run of a command, as JSON if ``as_json``.

    ``patience`` is for how many seconds it waits for another one's change, ``asked_by`` the name of the key of another
    machine that asked for one.
    """

    def __init__(self, as_json: bool, patience: float = 0.0, asked_by: str | None = None) -> None:
        self.settings: Settings = running_settings()
        self._as_json = as_json
        self._patience = patience
        self._asked_by = asked_by
        # A pipe has no width of its own; the table's lines must stay whole there.
        self._out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 200)
        self._err = error_console(soft_wrap=True)

    @property
    def width(self) -> int:
        """How many characters a line may have."""
        return self._out.width

    @cached_property
    def lifecycle(self) -> Trying:
        """Progress goes to standard error, so that JSON stays alone on standard output."""
        require_running(self.settings)
        return Trying(self.settings, self._tell, self._patience, self._asked_by)

    def _tell(self, message: str) -> None:
        self._err.print(f"{message} …", style="dim", markup=False)

    def print(self, value: Any, text: object) -> int:
        """Print the result: ``value`` as JSON, else ``text``. Returns exit code 0."""
        if self._as_json:
            print(json.dumps(value, indent=2, ensure_ascii=False))
        else:
            self._out.print(text)
        return 0

    def planned(self, plan: Plan) -> int:
        """Print what a change would come to. Returns exit code 0."""
        change = plan.change
        would = "Would be" if change.changed else "Is already"
        text = f"{would}: {change}. Nothing was changed."
        return self.print(as_json(plan), escape(text))

    def changed(self, change: Change, message: str) -> int:
        """Print what was done, and what a client will not see of it. Returns exit code 0."""
        if change.model not in load_catalogue(self.settings.catalogue):
            self._err.print(f"{change.model} is not in {self.settings.catalogue.name}: clients cannot ask for it yet.")
        return self.print(asdict(change), escape(message))
