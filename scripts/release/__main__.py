"""``python -m scripts.release VERSION``: set the version, date its section of CHANGELOG.md, commit and tag.

The version stands in ``pyproject.toml``, where the proxy reads it; what runs the images names it too.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.files import write_text
from scripts.settings import ROOT

_VERSION = re.compile(r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$", re.ASCII)
_VERSION_LINE = re.compile(r'(?<=^version = ")[^"]+(?="$)', re.MULTILINE)
_HEADING = "## {}"
# Where images are named with their version.
_IMAGES = ("compose.yaml", "deploy/kubernetes/base/deployment.yaml")
_IMAGE = re.compile(r"(?<=image: )(localhost/emotion-[a-z]+):\S+")


class ReleaseError(UserError):
    """Nothing can be released; the message says why and what to do. Nothing was changed."""


def release(root: Path, version: str, today: datetime.date) -> str:
    """Release ``version`` from the git repository at ``root``: one commit and one annotated tag.

    Returns the tag's name. Raises ReleaseError for a version that is not x.y.z or not above the present one, a dirty
    tree, a tag that exists, or a CHANGELOG.md without a section of that version that says something.
    """
    project, changelog = root / "pyproject.toml", root / "CHANGELOG.md"
    tag = f"v{version}"
    _refuse_dirty_tree(root)
    numbered = _with_version(project.read_text(encoding="utf-8"), version)
    dated = _with_date(changelog.read_text(encoding="utf-8"), version, today)
    if _git(root, "tag", "--list", tag):
        raise ReleaseError(f"{version}: the tag {tag} exists already; choose another version")
    texts = {project: numbered, changelog: dated}
    texts |= {path: _with_images(path.read_text(encoding="utf-8"), version) for path in _images(root)}
    for path, text in texts.items():
        write_text(path, text)
    _git(root, "commit", "--quiet", "--message", f"Release {version}", "--", *map(str, texts))
    _git(root, "tag", "--annotate", "--message", f"Release {version}", tag)
    return tag


def _with_version(text: str, version: str) -> str:
    """``pyproject.toml`` with the new version."""
    if not _VERSION.match(version):
        raise ReleaseError(f"{version!r} is not a version; give three numbers, as in 1.2.0")
    found = _VERSION_LINE.search(text)
    if found is None:
        raise ReleaseError('pyproject.toml has no line `version = "…"`; restore it from git')
    if _numbers(version) <= _numbers(found[0]):
        raise ReleaseError(f"{version} is not above {found[0]}, the version in pyproject.toml; choose a higher one")
    return text[: found.start()] + version + text[found.end() :]


def _images(root: Path) -> list[Path]:
    return [root / name for name in _IMAGES if (root / name).exists()]


def _with_images(text: str, version: str) -> str:
    """A manifest with the images of the version."""
    return _IMAGE.sub(rf"\1:{version}", text)


def _with_date(text: str, version: str, today: datetime.date) -> str:
    """``CHANGELOG.md`` with the date behind the heading of the version."""
    heading = _HEADING.format(version)
    section = re.search(rf"^{re.escape(heading)}$(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    if section is None or not re.search(r"^- ", section[1], re.MULTILINE):
        raise ReleaseError(f"CHANGELOG.md has no section `{heading}` with entries; write it and commit it first")
    return text[: section.start(1)] + f" - {today.isoformat()}" + text[section.start(1) :]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _refuse_dirty_tree(root: Path) -> None:
    changes = _git(root, "status", "--porcelain")
    if changes:
        raise ReleaseError(f"these files are not committed; commit or stash them:\n{changes}")


def _git(root: Path, *arguments: str) -> str:
    outcome = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if outcome.returncode != 0:
        raise ReleaseError(f"git {arguments[0]} failed: {outcome.stderr.strip()}")
    return outcome.stdout.rstrip()


app = new_app("Release a version: set it in pyproject.toml, date its section of CHANGELOG.md, commit and tag.")


@app.command(name="release")
def release_command(
    version: Annotated[str, typer.Argument(metavar="VERSION", help="Three numbers, as in 1.2.0.")],
) -> int:
    """Release a version: set it in pyproject.toml, date its section of CHANGELOG.md, commit and tag."""
    tag = release(ROOT, version, datetime.datetime.now(datetime.timezone.utc).date())
    print(f"Tagged {tag}. Publish it with: git push --follow-tags")
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Release; returns the exit code."""
    return run(app, "python -m scripts.release", argv)


if __name__ == "__main__":
    sys.exit(main())
