"""What a start restores, decided from the state before; TorchServe's part is in tests/lifecycle/test_restart.py."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from scripts.settings import Settings
from scripts.stack.restore import plan_start, record
from scripts.store import served
from scripts.store.checksums import read_checksum
from scripts.store.choices import record_choice
from scripts.torchserve.snapshot import read_written, written_files
from tests.stack.restored import CATALOGUE, SERVABLE, A, B, entry, start, write_archive, write_snapshot


def test_the_first_start_gives_every_model_one_worker(settings: Settings) -> None:
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models == {"Aplus1": {"1.0": entry("Aplus1.mar", 1)}, "B": {"1.0": entry("B.mar", 1)}}
    assert (plan.notes, plan.problems, plan.unavailable, plan.unregistered) == ([], [], {}, set())


def test_load_models_names_those_that_get_one(settings: Settings) -> None:
    plan = plan_start(settings, CATALOGUE, SERVABLE, [B])
    assert (plan.workers("Aplus1"), plan.workers("B")) == (0, 1)


def test_a_models_workers_and_absence_are_remembered_over_several_starts(settings: Settings) -> None:
    start(settings)
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": {"1.0": entry("B.mar", 3)}})
    for _ in range(2):
        assert start(settings) == {"B": {"1.0": entry("B.mar", 3)}}
    assert start(settings, loaded=[A, B])["Aplus1"] == {"1.0": entry("Aplus1.mar", 1)}


def test_no_more_workers_come_back_than_may_run(settings: Settings) -> None:
    start(settings)
    many = {"Aplus1": {"1.0": entry("Aplus1.mar", 2)}, "B": {"1.0": entry("B.mar", 20)}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", many)
    plan = plan_start(replace(settings, max_workers=5), CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (2, 3)
    assert plan.models["B"]["1.0"]["maxWorkers"] == 3
    assert plan.notes == ["5 workers instead of 22: all models together may have 5 (MAX_WORKERS)"]
    plan = plan_start(replace(settings, max_workers=1), CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (1, 1)


def test_a_damaged_snapshot_is_passed_over_for_the_one_before(settings: Settings) -> None:
    start(settings)
    both = {"Aplus1": {"1.0": entry("Aplus1.mar", 2)}, "B": {"1.0": entry("B.mar", 1)}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", both)
    damaged = write_snapshot(settings, "20260101000000002-snapshot.cfg", {"B": {"1.0": entry("B.mar", 1)}})
    damaged.write_text(damaged.read_text()[:200])
    assert read_written(damaged) is None
    assert start(settings) == both


def test_snapshots_are_removed_once_they_are_noted(settings: Settings) -> None:
    start(settings)
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": {"1.0": entry("B.mar", 3)}})
    record(settings, plan_start(settings, CATALOGUE, SERVABLE, None), done=True)
    assert written_files(settings) == []


def test_a_start_that_was_cut_off_between_its_steps_loses_nothing(settings: Settings) -> None:
    start(settings)
    old = write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": {"1.0": entry("B.mar", 3)}})
    kept = old.read_text()
    record(settings, plan_start(settings, CATALOGUE, SERVABLE, [A]), done=True)
    old.write_text(kept)  # as if the power failed before it was removed
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (1, 0)


def test_models_a_start_did_not_get_to_are_no_unregistered_ones(settings: Settings) -> None:
    record(settings, plan_start(settings, CATALOGUE, SERVABLE, None), done=False)
    write_snapshot(settings, "20260101000000000-snapshot.cfg", {"Aplus1": {"1.0": entry("Aplus1.mar", 0)}})
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (1, 1)


def test_a_model_the_index_refuses_waits_with_its_workers(settings: Settings) -> None:
    start(settings)
    both = {"Aplus1": {"1.0": entry("Aplus1.mar", 2)}, "B": {"1.0": entry("B.mar", 1)}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", both)
    refused = SERVABLE | {A.name: {"error": "damaged"}}
    assert start(settings, entries=refused).keys() == {"B"}
    assert start(settings)["Aplus1"] == {"1.0": entry("Aplus1.mar", 2)}


def test_the_version_that_served_is_found_under_its_kept_name(settings: Settings) -> None:
    start(settings)
    (settings.model_store / "B.mar").rename(settings.model_store / "B-1.0.mar")
    (settings.model_store / "B.mar.sha256").unlink()
    write_archive(settings.model_store / "B.mar", "1.1")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.0": entry("B-1.0.mar", 1)}
    assert plan.notes == ["B: version 1.1 is built, 1.0 serves as before; `scripts/models upgrade B` switches"]


def test_without_the_version_that_served_the_built_one_does(settings: Settings) -> None:
    start(settings)
    write_archive(settings.model_store / "B.mar", "1.1")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.1": entry("B.mar", 1)}
    (note,) = plan.notes
    assert note.startswith("not restored: B 1.0: no file in")
    assert plan.problems == []


def replaced(settings: Settings) -> None:
    """Version 1.0 of B has served; then its file went, and a start served 1.1 in its place."""
    start(settings)
    served.note(settings, "B", "1.0", str(read_checksum(settings.model_store / "B.mar")))
    (settings.model_store / "B.mar").rename(settings.model_store / "away")
    write_archive(settings.model_store / "B.mar", "1.1")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.1": entry("B.mar", 1)}
    assert plan.problems == ["B: version 1.1 serves until 1.0 is back; `scripts/models register B.mar` settles for it"]
    assert plan.unavailable == {"B": {"1.0": entry("B.mar", 1)}}
    assert start(settings)["B"] == {"1.1": entry("B.mar", 1)}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": {"1.1": entry("B.mar", 2)}})


def test_other_content_is_not_taken_for_a_version_that_served_from_a_read_only_store(settings: Settings) -> None:
    start(settings)
    (settings.model_store / "served.jsonl").mkdir()  # so that nothing can be written there
    served.note(settings, "B", "1.0", "what served")
    (told,) = [
        problem for problem in plan_start(settings, CATALOGUE, SERVABLE, None).problems if "not restored" not in problem
    ]
    assert told.startswith("B 1.0: B.mar has other content than version 1.0 had when it served")


def come_back(settings: Settings) -> None:
    kept = settings.model_store / "B-1.0.mar"
    (settings.model_store / "away").rename(kept)
    (content,) = served.contents(settings, "B", "1.0")
    kept.with_name(f"{kept.name}.sha256").write_text(f"{content}  {kept.name}\n")


def test_a_version_that_has_served_is_waited_for(settings: Settings) -> None:
    replaced(settings)
    assert plan_start(settings, CATALOGUE, SERVABLE, None).unavailable == {"B": {"1.0": entry("B.mar", 1)}}
    come_back(settings)
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.0": entry("B-1.0.mar", 1)}
    assert (plan.problems, plan.unavailable) == ([], {})


def test_a_version_is_waited_for_until_somebody_chooses_another(settings: Settings) -> None:
    replaced(settings)
    come_back(settings)
    record_choice(settings, "B", "1.1")
    assert plan_start(settings, CATALOGUE, SERVABLE, None).models["B"] == {"1.1": entry("B.mar", 2)}


def test_a_version_is_no_longer_waited_for_when_what_serves_in_its_place_was_changed(settings: Settings) -> None:
    replaced(settings)
    come_back(settings)
    write_archive(settings.model_store / "B-2.0.mar", "2.0")
    upgraded = {"1.1": entry("B.mar", 0, default=False), "2.0": entry("B-2.0.mar", 1)}
    write_snapshot(settings, "20260101000000002-snapshot.cfg", {"B": upgraded})
    assert plan_start(settings, CATALOGUE, SERVABLE, None).models["B"] == upgraded


def test_a_model_that_was_unregistered_is_not_waited_for(settings: Settings) -> None:
    replaced(settings)
    come_back(settings)
    write_snapshot(settings, "20260101000000002-snapshot.cfg", {"Aplus1": {"1.0": entry("Aplus1.mar", 1)}})
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert ([*plan.models], plan.unregistered) == (["Aplus1"], {"B"})


def test_load_models_brings_back_the_version_that_was_chosen(settings: Settings) -> None:
    start(settings)
    write_archive(settings.model_store / "B-2.0.mar", "2.0")
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"Aplus1": {"1.0": entry("Aplus1.mar", 1)}})
    record_choice(settings, "B", "2.0")
    assert plan_start(settings, CATALOGUE, SERVABLE, [B]).models["B"] == {"2.0": entry("B-2.0.mar", 1)}


def test_an_old_version_that_is_gone_is_told_and_left_out(settings: Settings) -> None:
    start(settings)
    versions = {"1.0": entry("B.mar", 1), "0.9": entry("B-0.9.mar", 0, default=False)}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": versions})
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.0": entry("B.mar", 1)}
    assert [note.startswith("not restored: B 0.9:") for note in plan.notes] == [True]


@pytest.mark.parametrize("checksum", [True, False])
def test_a_damaged_guest_is_a_problem_and_waits(settings: Settings, checksum: bool) -> None:
    start(settings)
    path = settings.model_store / "Guest.mar"
    write_archive(path, "1", checksum=checksum)
    guest = {"Guest": {"1": entry("Guest.mar", 1)}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", guest)
    assert plan_start(settings, CATALOGUE, SERVABLE, None).models.keys() == {"Guest"}
    content = path.read_bytes()
    path.write_bytes(content.replace(b"batchSize: 8", b"batchSize: 9"))
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models == {}
    assert plan.unavailable == guest
    (problem,) = plan.problems
    assert problem.startswith("not restored: Guest 1: Guest.mar: ")


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"models": 3}', '{"models": {"B": {}}}'])
def test_a_damaged_state_file_counts_as_none(settings: Settings, content: str) -> None:
    record(settings, plan_start(settings, CATALOGUE, SERVABLE, [A]), done=True)
    (settings.run_dir / "registered.json").write_text(content)
    write_snapshot(settings, "1-snapshot.cfg", {"B": {"1.0": entry("B.mar", 3)}})
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (1, 1)


@pytest.mark.parametrize("part", ["models", "waiting"])
def test_a_state_file_with_a_damaged_part_counts_as_none(settings: Settings, part: str) -> None:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    state = {"models": {}, "waiting": {}, "unregistered": ["B"], "done": True, "consumed": [], part: {"X": {}}}
    (settings.run_dir / "registered.json").write_text(json.dumps(state))
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert (plan.workers("Aplus1"), plan.workers("B")) == (1, 1)
    assert plan.unregistered == set()


def test_the_state_is_found_under_its_former_name(settings: Settings) -> None:
    settings.run_dir.mkdir(parents=True, exist_ok=True)
    state = {"models": {}, "waiting": {}, "unregistered": ["B"], "done": True, "consumed": []}
    (settings.run_dir / "models.json").write_text(json.dumps(state))
    assert plan_start(settings, {}, {}, None).unregistered == {"B"}
