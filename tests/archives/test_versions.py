"""In which version an archive is built: one that has served keeps its content, and what changed gets the next one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from scripts.archives.versions import Request, VersionError, next_version
from scripts.catalogue import Model
from scripts.settings import load_settings
from scripts.store import served
from scripts.store.index import read_index
from scripts.store.records import Record
from tests.archives.workshop import CATALOGUE, Workshop

MODEL = Model("A+1", "VGG19", "A", ("x", "y"))
CHANGED = {**CATALOGUE["Mini_A"], "accuracy": 51}


def digest(workshop: Workshop) -> str:
    return str(json.loads((workshop.store / "Mini_A.build.json").read_text())["sha256"])


def test_what_has_never_served_is_replaced_under_its_version(workshop: Workshop) -> None:
    workshop.write_catalogue(Mini_A=CHANGED)
    assert workshop.planned()["Mini_A"] == "catalogue entry changed"
    assert workshop.planned(version="2.0")["Mini_A"] == "catalogue entry changed; version 2.0"


def test_a_version_that_is_asked_for_is_given_only_to_what_changed(workshop: Workshop) -> None:
    assert workshop.planned(version="2.0") == {"Mini_C": "new; version 2.0"}
    assert workshop.planned(Request("2.0", named=True))["Mini_B+"] == "asked for; version 2.0"


@pytest.mark.slow
def test_what_has_served_stays_beside_the_next_version(workshop: Workshop) -> None:
    before, content = digest(workshop), (workshop.store / "Mini_A.mar").read_bytes()
    served.note(workshop.settings, "Mini_A", "1.0", before)
    workshop.write_catalogue(Mini_A=CHANGED)
    code, output, errors = workshop.make("--model", "Mini_A")
    assert (code, errors) == (0, "")
    assert "catalogue entry changed; version 1.1, since 1.0 has served and stays" in output
    assert (workshop.store / "Mini_A-1.0.mar").read_bytes() == content
    assert read_index(workshop.settings.index_file)["Mini_A"]["version"] == "1.1"
    workshop.write_catalogue(Mini_A={**CHANGED, "accuracy": 52})
    assert workshop.planned()["Mini_A"] == "catalogue entry changed", "1.1 has not served yet"


def test_a_version_that_has_served_cannot_be_asked_for_with_other_content(workshop: Workshop) -> None:
    served.note(workshop.settings, "Mini_A", "1.0", digest(workshop))
    workshop.write_catalogue(Mini_A=CHANGED)
    code, output, _ = workshop.make("--model", "Mini_A", "--archive-version", "1.0")
    assert code == 1
    assert "Mini_A: version 1.0 is another content already, which has served or is kept" in output
    assert "use ARCHIVE_VERSION=1.1, or leave it out" in output


@pytest.mark.slow
def test_a_damaged_archive_that_has_served_is_made_again_under_its_version(workshop: Workshop) -> None:
    served.note(workshop.settings, "Mini_A", "1.0", digest(workshop))
    archive = workshop.store / "Mini_A.mar"
    archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    assert workshop.make("--model", "Mini_A")[0] == 0
    assert digest(workshop) in served.contents(workshop.settings, "Mini_A", "1.0")
    assert read_index(workshop.settings.index_file)["Mini_A"]["version"] == "1.0"


def test_stand_ins_give_way_under_their_version(workshop: Workshop) -> None:
    served.note(workshop.settings, "Mini_A", "1.0", digest(workshop))
    record = workshop.store / "Mini_A.build.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "stand_in": True}))
    shutil.copy(workshop.checkpoint("Mini_B+"), workshop.checkpoint("Mini_A"))
    assert workshop.planned()["Mini_A"] == "checkpoint changed"


@pytest.mark.parametrize(
    ("present", "taken", "following"),
    [("1.0", [], "1.1"), ("1.0", ["1.1"], "1.2"), ("1.9", [], "1.10"), ("2", [], "3"), ("beta", [], "beta.1")],
)
def test_the_next_version_is_the_first_that_nobody_knows(
    workshop: Workshop, present: str, taken: list[str], following: str
) -> None:
    record = Record({"version": present}, False, "abc")
    served.note(workshop.settings, MODEL.archive_name, present, "abc")
    for version in taken:
        (workshop.store / f"Aplus1-{version}.mar").touch()
    assert next_version(workshop.settings, MODEL, record, None, same=False) == following
    assert next_version(workshop.settings, MODEL, record, None, same=True) == present
    for version in taken:
        with pytest.raises(VersionError):
            next_version(workshop.settings, MODEL, record, version, same=False)


@pytest.mark.parametrize("line", ["", "{", "[]", "null", '{"model": "A"}'])
def test_a_damaged_line_of_what_has_served_is_passed_over(workshop: Workshop, line: str) -> None:
    with (workshop.store / "served.jsonl").open("a") as file:
        file.write(f"{line}\n")
    served.note(workshop.settings, "Mini_A", "1.0", "abc")
    served.note(workshop.settings, "Mini_A", "1.0", "abc")
    assert served.contents(workshop.settings, "Mini_A", "1.0") == {"abc"}
    assert len((workshop.store / "served.jsonl").read_text().splitlines()) == 2


def test_what_a_model_store_cannot_be_told_is_noted_in_the_run_directory(tmp_path: Path) -> None:
    settings = load_settings({"MODEL_STORE": str(tmp_path / "store"), "RUN_DIR": str(tmp_path / "run")})
    (tmp_path / "run").mkdir()
    served.note(settings, "Mini_A", "1.0", "abc")  # there is no folder to write into
    assert served.contents(settings, "Mini_A", "1.0") == {"abc"}
    (tmp_path / "store").mkdir()
    served.note(settings, "Mini_A", "1.0", "abc")
    assert not (tmp_path / "store" / "served.jsonl").exists(), "it is known"
    served.note(settings, "Mini_A", "1.1", "def")
    assert (tmp_path / "store" / "served.jsonl").exists()
    assert served.versions(settings, "Mini_A") == {"1.0", "1.1"}
