"""Which archives the index offers for service when checkpoints, labels or the catalogue have changed since."""

from __future__ import annotations

import json

from scripts.store.index import STAND_IN_REFUSED, read_index
from tests.archives.workshop import BAD, CATALOGUE, Workshop
from tests.support.sites import LFS_POINTER


def test_the_archive_of_a_real_checkpoint_stays_in_service_when_its_checkpoint_breaks(workshop: Workshop) -> None:
    workshop.checkpoint("Mini_A").write_text(LFS_POINTER)
    workshop.checkpoint("Mini_B+").unlink()
    before = workshop.files()
    code, output, _ = workshop.make()
    pointer = "Mini_A_best.pt is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
    missing = "Mini_B+_best.pt is missing; copy it into results/ and run `make archives`"
    assert code == 1
    assert pointer in output
    assert missing in output
    index = read_index(workshop.settings.index_file)
    assert index["Mini_A"]["warning"] == f"{pointer}; the archive built before stays in service"
    assert index["Mini_B+"]["warning"] == f"{missing}; the archive built before stays in service"
    assert [index[name]["error"] for name in index] == [None, None, BAD]
    assert {**workshop.files(), "index.json": ""} == {**before, "index.json": ""}
    assert workshop.make("--model", "Mini_C")[0] == 1
    assert read_index(workshop.settings.index_file) == index, "a build of one model forgets nothing of the others"


def test_the_archive_of_a_stand_in_is_not_served_in_the_place_of_a_broken_checkpoint(workshop: Workshop) -> None:
    record_file = workshop.store / "Mini_A.build.json"
    record_file.write_text(json.dumps({**json.loads(record_file.read_text()), "stand_in": True}))
    workshop.checkpoint("Mini_A").write_text(LFS_POINTER)
    assert workshop.make("--model", "Mini_A")[0] == 1
    error = "Mini_A_best.pt is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
    assert read_index(workshop.settings.index_file)["Mini_A"] == {"archive": None, "stand_in": False, "error": error}
    assert (workshop.store / "Mini_A.mar").exists()


def test_stand_ins_are_no_longer_served_where_a_real_model_was_built(workshop: Workshop) -> None:
    record_file = workshop.store / "Mini_A.build.json"
    record_file.write_text(json.dumps({**json.loads(record_file.read_text()), "stand_in": True}))
    assert workshop.make("--model", "Mini_B+", "--force", stand_ins="auto")[0] == 0
    index = read_index(workshop.settings.index_file)
    assert (index["Mini_A"]["archive"], index["Mini_A"]["error"]) == (None, STAND_IN_REFUSED)
    assert index["Mini_B+"]["error"] is None


def test_an_archive_with_other_labels_than_the_catalogues_stays_in_service_and_says_so(workshop: Workshop) -> None:
    workshop.write_catalogue(**{"Mini_A": {**CATALOGUE["Mini_A"], "emotions": ["calm", "happy", "sad"]}})
    workshop.checkpoint("Mini_A").unlink()
    assert workshop.make("--model", "Mini_A")[0] == 1
    entry = read_index(workshop.settings.index_file)["Mini_A"]
    missing = "Mini_A_best.pt is missing; copy it into results/ and run `make archives`"
    assert (entry["archive"], entry["error"]) == ("Mini_A.mar", None)
    assert entry["warning"] == f"{missing}; the archive built before stays in service"


def test_archives_of_models_that_left_the_catalogue_are_left_alone(workshop: Workshop) -> None:
    workshop.catalogue_file.write_text(json.dumps({"Mini_A": CATALOGUE["Mini_A"]}))
    assert workshop.make()[0] == 0
    assert list(read_index(workshop.settings.index_file)) == ["Mini_A"]
    assert (workshop.store / "Mini_Bplus.mar").exists()
