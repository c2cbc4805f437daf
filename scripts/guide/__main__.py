"""``python -m scripts.guide``: build the documentation site, which the proxy serves at /guide/.

mkdocs wants all its pages in one folder. They lie in the clone as GitHub shows them, so that folder is made of links,
with whatever the pages link to.
"""

from __future__ import annotations

import importlib.util
import logging
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.console import new_app, run
from scripts.errors import UserError
from scripts.proxy.pages import guide_dir
from scripts.running import running_settings
from scripts.settings import ROOT

CONFIG = ROOT / "mkdocs.yml"
# README.md is the first page.
SOURCES = (
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "NOTICE",
    "docs",
    "scripts/bench/peer.py",
    "scripts/bench/reference.py",
)

app = new_app("Build the documentation site, which the proxy serves at /guide/.")


class GuideError(UserError):
    """The site cannot be built; the message says why and what to do."""


@app.command()
def build() -> int:
    """Build the documentation site, which the proxy serves at /guide/."""
    settings = running_settings()
    site = build_site(settings.run_dir / "guide-pages", guide_dir(settings))
    print(f"The guide is built in {site}; a running service has it at {settings.url}/guide/")
    return 0


def build_site(pages: Path, site: Path) -> Path:
    """Link what the site is made of into ``pages``, and build it in ``site``, which is replaced.

    Raises GuideError for a link that leads nowhere or a page that is not in the table of contents.
    """
    if importlib.util.find_spec("mkdocs") is None:
        raise GuideError("mkdocs is missing; `make guide` installs it")
    from mkdocs.commands.build import build as build_with_mkdocs
    from mkdocs.config import load_config
    from mkdocs.exceptions import Abort

    _link_sources(pages)
    logging.getLogger("mkdocs").addHandler(logging.StreamHandler())
    configuration = load_config(str(CONFIG), docs_dir=str(pages), site_dir=str(site), strict=True)
    try:
        build_with_mkdocs(configuration)
    except Abort as error:
        raise GuideError(f"the guide is not built: {error}; the lines above say what to mend") from error
    return site


def _link_sources(pages: Path) -> None:
    shutil.rmtree(pages, ignore_errors=True)
    for name in SOURCES:
        link = pages / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT / name)


def main(argv: Sequence[str] | None = None) -> int:
    """Build; returns the exit code."""
    return run(app, "python -m scripts.guide", argv)


if __name__ == "__main__":
    sys.exit(main())
