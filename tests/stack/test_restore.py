"""What a start restores, decided from the state before; TorchServe's part is in tests/lifecycle/test_restart.py."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import Model
from scripts.settings import Settings, SettingsError, load_settings
from scripts.stack.restore import Plan, models_to_load, plan_start, record, register, unpack
from scripts.store.archive import ArchiveError
from scripts.torchserve.snapshot import Snapshot, read_written, written_files
from tests.support.ports import free_ports

A = Model("A+1", "MobileNetV2", "A", ("x", "y"))
B = Model("B", "MobileNetV2", "B", ("x", "y"))
CATALOGUE = {model.name: model for model in (A, B)}
SERVABLE: Any = {name: {"error": None} for name in CATALOGUE}
CONFIGURATION = "batchSize: 8\nmaxBatchDelay: 1\nresponseTimeout: 60\nstartupTimeout: 120\n"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path)})
    for model in CATALOGUE.values():
        write_archive(tmp_path / model.archive_file, "1.0")
    return made


def write_archive(path: Path, version: str, *, checksum: bool = True) -> None:
    manifest = {"modelName": path.stem, "modelVersion": version, "handler": "h.py", "configFile": "c.yaml"}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": manifest}))
        archive.writestr("c.yaml", CONFIGURATION)
    if checksum:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.sha256").write_text(f"{digest}  {path.name}\n")


def entry(name: str, workers: int, *, default: bool = True) -> dict[str, Any]:
    configuration = {"batchSize": 8, "maxBatchDelay": 1, "responseTimeout": 60, "startupTimeout": 120}
    return {
        **configuration,
        "defaultVersion": default,
        "marName": name,
        "minWorkers": workers,
        "maxWorkers": max(1, workers),
    }


def write_snapshot(settings: Settings, name: str, models: Snapshot) -> Path:
    """Write a file as TorchServe does, in the escapes of java.util.Properties."""
    text = json.dumps({"name": name, "modelCount": len(models), "created": 1, "models": models}, indent=2)
    text = text.replace("\\", "\\\\").replace("\n", "\\n").replace(":", "\\:").replace("=", "\\=")
    path = settings.log_dir / "config" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#Saving snapshot\nmodel_snapshot={text}\nversion=0.12.0\n")
    return path


def start(settings: Settings, **changes: Any) -> Snapshot:
    """One start: TorchServe writes snapshots while the models are registered."""
    plan = plan_start(settings, CATALOGUE, changes.get("entries", SERVABLE), changes.get("loaded"))
    record(settings, plan, done=False)
    write_snapshot(settings, "20260101000000000-startup.cfg", {})
    record(settings, plan, done=True)
    return plan.models


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
    assert plan.notes == ["B: version 1.1 is built, 1.0 serves as before; `scripts/models upgrade B B.mar` switches"]


def test_without_the_version_that_served_the_built_one_does(settings: Settings) -> None:
    start(settings)
    write_archive(settings.model_store / "B.mar", "1.1")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.1": entry("B.mar", 1)}
    (note,) = plan.notes
    assert note.startswith("not restored: B 1.0: no file in")
    assert plan.problems == []


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


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("all", [A, B]), ("none", []), ("B", [B]), (" B , A+1,, ", [B, A]), (",", [])],
)
def test_load_models_is_a_list_of_names_or_all_or_none(text: str, expected: list[Model] | None) -> None:
    assert models_to_load(load_settings({"LOAD_MODELS": text}), CATALOGUE) == expected


def test_load_models_names_only_what_the_catalogue_has() -> None:
    with pytest.raises(SettingsError) as caught:
        models_to_load(load_settings({"LOAD_MODELS": "B,C"}), CATALOGUE)
    assert str(caught.value) == "LOAD_MODELS: 'C' is not in models.json; it has A+1, B"


def test_all_archives_of_a_plan_are_unpacked_each_once(settings: Settings) -> None:
    store = settings.model_store
    plan = Plan(models={"B": {"1": entry("B.mar", 1), "2": entry("B.mar", 1)}, "N": {"1": entry("N.mar", 1)}})
    folders = unpack(settings, plan)
    assert list(folders) == [store / "B.mar", store / "N.mar"]
    assert isinstance(folders[store / "N.mar"], ArchiveError)
    folder = folders[store / "B.mar"]
    assert isinstance(folder, Path)
    assert (folder / "c.yaml").read_text() == CONFIGURATION


def versions_of_b() -> dict[str, Any]:
    return {"0.9": entry("B-0.9.mar", 0, default=False), "1.0": entry("B.mar", 2)}


def test_a_model_whose_default_version_was_not_unpacked_waits_with_all_its_versions(settings: Settings) -> None:
    store, full = settings.model_store, ArchiveError("B.mar: the disk is full")
    plan = Plan(models={"B": versions_of_b()})
    register(settings, plan, {store / "B.mar": full, store / "B-0.9.mar": store})
    assert plan.problems == ["not registered: B.mar: the disk is full"]
    assert (plan.models, plan.unavailable) == ({}, {"B": versions_of_b()})


def test_without_torchserve_every_model_waits(tmp_path: Path, settings: Settings) -> None:
    (port,) = free_ports(1)
    away = load_settings({"RUN_DIR": str(tmp_path / "run"), "MODEL_STORE": str(tmp_path), "MANAGEMENT_PORT": str(port)})
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    before = {name: dict(versions) for name, versions in plan.models.items()}
    register(away, plan, unpack(settings, plan))
    assert len(plan.problems) == 2
    assert all(problem.startswith("not registered: ") for problem in plan.problems)
    assert (plan.models, plan.unavailable) == ({}, before)


def test_what_a_start_registers_is_noted_before_and_after(settings: Settings) -> None:
    unregistered = {"Z", "Y", "X"}
    plan = Plan({"B": versions_of_b()}, {"W": {"1": entry("W.mar", 1)}}, unregistered)
    for done in (False, True):
        write_snapshot(settings, "1-startup.cfg", {})
        record(settings, plan, done=done)
        text = (settings.run_dir / "registered.json").read_text()
        state = {
            "models": plan.models,
            "waiting": plan.unavailable,
            "unregistered": ["X", "Y", "Z"],
            "done": done,
            "consumed": ["1-startup.cfg"],
        }
        assert text == json.dumps(state, indent=2) + "\n"


def test_a_plan_tells_the_workers_of_a_models_default_version() -> None:
    plan = Plan(models={"B": versions_of_b()})
    assert (plan.workers("B"), plan.workers("C")) == (2, 0)


def test_an_archive_that_is_listed_and_gone_is_a_problem_of_the_start(settings: Settings) -> None:
    (settings.model_store / "B.mar").write_text("text")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models.keys() == {"Aplus1"}
    assert plan.problems == ["B.mar: TorchServe cannot read it (File is not a zip file); build or copy it again"]


def test_a_newer_version_takes_the_workers_of_the_one_that_is_gone(settings: Settings) -> None:
    start(settings)
    write_snapshot(settings, "20260101000000001-snapshot.cfg", {"B": {"1.0": entry("B.mar", 3)}})
    write_archive(settings.model_store / "B.mar", "1.1")
    plan = plan_start(settings, CATALOGUE, SERVABLE, None)
    assert plan.models["B"] == {"1.1": entry("B.mar", 3)}
    assert plan.unavailable == {}


def test_what_an_archive_does_not_configure_stays_as_it_was_registered(settings: Settings) -> None:
    start(settings)
    path = settings.model_store / "Guest.mar"
    with zipfile.ZipFile(path, "w") as archive:
        manifest = {"modelName": "Guest", "modelVersion": "1", "handler": "h.py"}
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": manifest}))
    guest = {"Guest": {"1": entry("Guest.mar", 1) | {"batchSize": 5, "responseTimeout": 7}}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", guest)
    assert plan_start(settings, CATALOGUE, SERVABLE, None).models == guest
