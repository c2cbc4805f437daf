"""The commands of docs/runbook.md, as a person at the stack would type them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from scripts.settings import ROOT
from tests.support.commands import program_is_missing

if TYPE_CHECKING:
    from tests.support.stacks import RunningStack


def commands(alert: str) -> str:
    """The commands of an alert's section; empty without any."""
    sections = re.split(r"^## ", (ROOT / "docs" / "runbook.md").read_text(), flags=re.MULTILINE)[1:]
    (section,) = [section for section in sections if section.startswith(f"{alert}\n")]
    return "".join(re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL))


def follow(stack: RunningStack, alert: str, model: str = "", **places: str) -> str:
    """Run an alert's commands for this stack, up to the first that fails; what they print.

    ``make`` would install what is missing into the environment of the tests, so its commands are called directly.
    ``places`` are further texts to replace, by their names without punctuation.
    """
    if missing := [program for program in ("jq", "curl") if shutil.which(program) is None]:
        program_is_missing(f"{' and '.join(missing)} must be installed; the packages have the same names")
    text = commands(alert)
    assert text, alert
    python = sys.executable
    replaced = {
        r"^make (start|stop)$": rf"{python} -m scripts.stack \1",
        r"\bscripts/models\b": f"{python} -m scripts.lifecycle",
        r"\bNAME\b": model,
        r"(?<!\S)\.run/logs\b": str(stack.settings.log_dir),
        r"(?<!\S)\.run\b": str(stack.settings.run_dir),
        r"(?<!\S)model_store\b": str(stack.settings.model_store),
        r"\blocalhost:8000\b": f"127.0.0.1:{stack.settings.port}",
        **places,
    }
    for pattern, replacement in replaced.items():
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    ran = subprocess.run(
        ["bash", "-e", "-c", text], cwd=ROOT, env=stack.environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{text}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
