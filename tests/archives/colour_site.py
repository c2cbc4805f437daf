"""A site with one small model that knows colours, built in fewer bits as a user does."""

from __future__ import annotations

import pytest

from scripts.files import sha256
from scripts.store.index import IndexEntry, read_index
from tests.archives.workshop import Outcome, Workshop

NAME = "Colour"


def make(site: Workshop, monkeypatch: pytest.MonkeyPatch, **settings: str) -> Outcome:
    for name in ("PRECISION", "PREPROCESSING", "CALIBRATION", "GATE"):
        monkeypatch.setenv(name, settings.get(name, ""))
    return site.make()


def entry(site: Workshop) -> IndexEntry:
    return read_index(site.settings.index_file)[NAME]


def assert_untouched(site: Workshop, base: Workshop) -> None:
    """The float32 archive is there and served as before."""
    assert sha256(site.archive(NAME)) == sha256(base.archive(NAME))
    assert entry(site) == entry(base)
    assert entry(site)["precision"] == "f32"
