"""What the proxy makes of a models.json that somebody breaks while it runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.polling import poll
from tests.support.proxies import RunningProxy, running_proxy

ENTRY = {"architecture": "VGG19", "dataset": "FER2013", "emotions": ["sad", "happy"]}


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    file = tmp_path / "models.json"
    file.write_text(json.dumps({"A": ENTRY}))
    return file


@pytest.fixture
def proxy(tmp_path: Path, catalogue: Path) -> Iterator[RunningProxy]:
    with running_proxy(tmp_path / "run", {"CATALOGUE": str(catalogue)}) as running:
        yield running


def _replace(catalogue: Path, text: str) -> None:
    new = catalogue.with_suffix(".new")
    new.write_text(text)
    new.replace(catalogue)


def _names(proxy: RunningProxy) -> list[str]:
    return list(requests.get(f"{proxy.url}/api/v1/models", timeout=10).json()["models"])


def _faults(proxy: RunningProxy) -> list[str]:
    return [line for line in proxy.log("proxy-error.log").splitlines() if "[error]" in line]


def test_what_is_no_entry_is_passed_over_and_told(proxy: RunningProxy, catalogue: Path) -> None:
    _replace(catalogue, json.dumps({"B": None, "C": [], "D": {"emotions": "sad"}, "N": ENTRY}))
    poll(lambda: _names(proxy), lambda names: names == ["N"])
    (line,) = poll(lambda: _faults(proxy))
    assert f"{catalogue}: what it says of B, C, D is no model's entry, and is passed over." in line
    assert requests.get(f"{proxy.url}/metrics", timeout=10).ok


@pytest.mark.parametrize("text", ["[]", '"A"', '{"A": null, "N": ' + json.dumps(ENTRY) + "}"])
def test_what_was_known_stays(proxy: RunningProxy, catalogue: Path, text: str) -> None:
    poll(lambda: _names(proxy), lambda names: names == ["A"])
    _replace(catalogue, text)
    poll(lambda: len(_faults(proxy)), lambda count: count == 1)
    assert "A" in _names(proxy)
    # What comes after is read again.
    _replace(catalogue, json.dumps({"E": ENTRY}))
    poll(lambda: _names(proxy), lambda names: names == ["E"])
