"""Files of keys: each key is shown once and stored as a hash, in a file for its owner alone."""

from __future__ import annotations

import base64
import datetime
import hashlib
import json
import os
from pathlib import Path

import pytest

from scripts.access.key_file import MAX_KEYS, KeyFile, KeyFileError, KeyNameError


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "new" / "run" / "keys.json")


def test_a_key_is_256_random_bits_and_only_its_hash_is_stored(file: KeyFile) -> None:
    assert file.read() == {}
    before = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    keys = {name: file.add(name) for name in ("a", "b")}
    assert len(set(keys.values())) == 2
    assert {len(base64.urlsafe_b64decode(f"{key}=")) for key in keys.values()} == {32}
    stored = file.read()
    for name in keys:
        made = stored[name].pop("made")
        assert before <= datetime.datetime.fromisoformat(made) <= datetime.datetime.now(datetime.timezone.utc)
        assert (len(made), made[-6:]) == (25, "+00:00")
    assert stored == {name: {"sha256": hashlib.sha256(key.encode()).hexdigest()} for name, key in keys.items()}


def test_the_file_is_its_owners_alone_and_readable(file: KeyFile) -> None:
    file.add("a")
    assert file.path.stat().st_mode & 0o777 == 0o600
    text = file.path.read_text()
    assert text == json.dumps(json.loads(text), indent=2) + "\n"


@pytest.mark.parametrize("name", ["a" * 64, "A", "0", "a.b@c-d_e"])
def test_names_of_people_and_machines_are_taken(file: KeyFile, name: str) -> None:
    file.add(name)
    assert file.read().keys() == {name}


@pytest.mark.parametrize("name", ["", "a" * 65, ".a", "-a", "a b", "a/b", 'a"', "é", "a\n"])
def test_other_names_are_refused(file: KeyFile, name: str) -> None:
    with pytest.raises(KeyNameError) as caught:
        file.add(name)
    assert str(caught.value) == f"{name!r}: name a key with letters, digits, '_', '.', '@' and '-', at most 64"
    assert file.read() == {}


def test_a_taken_name_is_refused_and_its_key_stays(file: KeyFile) -> None:
    file.add("a")
    before = file.read()
    with pytest.raises(KeyNameError) as caught:
        file.add("a")
    assert str(caught.value) == "'a': there is a key of this name; remove it first, or choose another name"
    assert file.read() == before


def test_a_key_is_removed_by_its_name_and_the_others_stay(file: KeyFile) -> None:
    with pytest.raises(KeyNameError, match=r"^'a': there is no key of this name; there are: none$"):
        file.remove("a")
    for name in ("a", "b", "c"):
        file.add(name)
    kept = {name: key for name, key in file.read().items() if name != "b"}
    file.remove("b")
    assert file.read() == kept
    assert file.path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeyNameError, match=r"^'b': there is no key of this name; there are: a, c$"):
        file.remove("b")


def test_a_key_gets_limits_and_loses_them(file: KeyFile) -> None:
    for name in ("a", "b"):
        file.add(name)
    before = file.read()
    for requests, rate, limits in ((8, 20, {"requests": 8, "rate": 20}), (0, 5, {"rate": 5}), (3, 0, {"requests": 3})):
        file.limit("a", requests, rate)
        assert file.read() == {**before, "a": {**before["a"], **limits}}
    file.limit("a", 0, 0)
    assert file.read() == before
    with pytest.raises(KeyNameError, match=r"^'c': there is no key of this name; there are: a, b$"):
        file.limit("c", 1, 1)


def test_there_is_an_end_to_the_number_of_keys(file: KeyFile) -> None:
    for number in range(MAX_KEYS):
        file.add(str(number))
    with pytest.raises(KeyNameError, match=r"^'more': there are 100 keys already; remove one first$"):
        file.add("more")
    file.remove("7")
    file.add("more")


@pytest.mark.parametrize("text", ["", "{", "7", '"text"', "[1]", "\xff"])
def test_a_file_without_keys_is_named_and_stays(file: KeyFile, text: str) -> None:
    file.path.parent.mkdir(parents=True)
    file.path.write_text(text, encoding="latin-1")
    for act in (file.read, lambda: file.add("a"), lambda: file.remove("a")):
        with pytest.raises(KeyFileError) as caught:
            act()
        assert str(caught.value) == f"{file.path} holds no keys; mend it, or remove it and make new ones"
    assert file.path.read_text(encoding="latin-1") == text


def test_a_file_that_cannot_be_read_or_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=f"^{tmp_path} cannot be read \\(Is a directory\\); check its rights$"):
        KeyFile(tmp_path).read()
    (tmp_path / "file").touch()
    with pytest.raises(KeyFileError, match=r"/file/keys cannot be read \(Not a directory\); check its rights$"):
        KeyFile(tmp_path / "file" / "keys").add("a")
    taken = tmp_path / f".keys.{os.getpid()}"
    taken.mkdir()
    with pytest.raises(KeyFileError, match=f"^{taken} cannot be written \\(Is a directory\\); check its rights"):
        KeyFile(tmp_path / "keys").add("a")
