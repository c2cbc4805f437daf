"""Keys for the management API: shown once, stored as a hash, in a file for their owner alone."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
from pathlib import Path

import pytest

from scripts.proxy.management_keys import KeyNameError, add_key, read_keys, remove_key
from scripts.settings import Settings, load_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings({"RUN_DIR": str(tmp_path / "new" / "run")})


def test_a_key_is_256_random_bits_and_only_its_hash_is_stored(settings: Settings) -> None:
    assert read_keys(settings) == {}
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    keys = {name: add_key(settings, name) for name in ("a", "b")}
    assert len(set(keys.values())) == 2
    assert {len(base64.urlsafe_b64decode(f"{key}=")) for key in keys.values()} == {32}
    stored = read_keys(settings)
    for name in keys:
        made = stored[name].pop("made")
        assert before <= datetime.datetime.fromisoformat(made) <= datetime.datetime.now(datetime.timezone.utc)
        assert (len(made), made[-6:]) == (25, "+00:00")
    assert stored == {name: {"sha256": hashlib.sha256(key.encode()).hexdigest()} for name, key in keys.items()}


def test_the_file_is_its_owners_alone_and_readable(settings: Settings) -> None:
    add_key(settings, "a")
    assert settings.management_keys.stat().st_mode & 0o777 == 0o600
    text = settings.management_keys.read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


@pytest.mark.parametrize("name", ["a" * 64, "A", "0", "a.b@c-d_e"])
def test_names_of_people_and_machines_are_taken(settings: Settings, name: str) -> None:
    add_key(settings, name)
    assert list(read_keys(settings)) == [name]


@pytest.mark.parametrize("name", ["", "a" * 65, "-a", ".a", "a b", "ä", "a/b"])
def test_other_names_are_refused(settings: Settings, name: str) -> None:
    with pytest.raises(KeyNameError) as caught:
        add_key(settings, name)
    assert str(caught.value) == f"{name!r}: name a key with letters, digits, '_', '.', '@' and '-', at most 64"
    assert read_keys(settings) == {}


def test_a_taken_name_is_refused_and_its_key_stays(settings: Settings) -> None:
    add_key(settings, "a")
    before = read_keys(settings)
    with pytest.raises(KeyNameError) as caught:
        add_key(settings, "a")
    assert str(caught.value) == "'a': there is a key of this name; remove it first, or choose another name"
    assert read_keys(settings) == before


def test_a_key_is_removed_by_its_name_and_the_others_stay(settings: Settings) -> None:
    with pytest.raises(KeyNameError, match=r"^'a': there is no key of this name; there are: none$"):
        remove_key(settings, "a")
    for name in ("a", "b", "c"):
        add_key(settings, name)
    kept = {name: key for name, key in read_keys(settings).items() if name != "b"}
    remove_key(settings, "b")
    assert read_keys(settings) == kept
    assert settings.management_keys.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyNameError, match=r"^'b': there is no key of this name; there are: a, c$"):
        remove_key(settings, "b")
