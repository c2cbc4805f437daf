"""``python -m scripts.sbom``: write the bills of materials of the installation and of the archives."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.files import write_text
from scripts.sbom.archive import archive_bom
from scripts.settings import load_settings

app = new_app("Write what is installed, and what each archive is made of, in CycloneDX 1.6 into RUN_DIR/sbom.")
INSTALLATION = "installation.cdx.json"


class BillError(UserError):
    """A bill cannot be made; the message says why."""


@app.command()
def sbom() -> int:
    """Write the bills into RUN_DIR/sbom, in place of those before."""
    settings = load_settings()
    folder = settings.run_dir / "sbom"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.cdx.json"):
        old.unlink()
    installation_bom(folder / INSTALLATION)
    archives = sorted(settings.model_store.glob("*.mar"))
    for archive in archives:
        write_text(folder / f"{archive.stem}.cdx.json", archive_bom(archive))
    said = f"Wrote the bills of the installation and of {len(archives)} archive(s) into {folder}."
    Console().print(said, markup=False, soft_wrap=True)
    return 0


def installation_bom(path: Path) -> None:
    """Write the bill of the packages beside this Python. Raises BillError if that fails."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", sys.executable, "--short-PURLs"]
    # The tests compare such a bill with the schema, which takes seven times as long as to make it.
    wanted = ["--output-reproducible", "--spec-version", "1.6", "--no-validate"]
    made = subprocess.run([*command, *wanted], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BillError(f"cyclonedx-py: {made.stderr.strip()[-400:]}; `make sbom` installs it")
    write_text(path, json.dumps(without_local_files(json.loads(made.stdout)), indent=2) + "\n")


def without_local_files(bill: dict[str, Any]) -> dict[str, Any]:
    """The bill without where a package was installed from, if that is a file of this machine."""
    for component in bill["components"]:
        references = component.get("externalReferences", [])
        kept = [reference for reference in references if not reference["url"].startswith("file:")]
        if kept:
            component["externalReferences"] = kept
        else:
            component.pop("externalReferences", None)
    return bill


def main(argv: Sequence[str] | None = None) -> int:
    """Write the bills; returns the exit code."""
    return run(app, "python -m scripts.sbom", argv)


if __name__ == "__main__":
    sys.exit(main())
