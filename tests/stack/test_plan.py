"""LOAD_MODELS, and what a start does with its plan."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.catalogue import Model
from scripts.environment import SettingsError
from scripts.settings import Settings, load_settings
from scripts.stack.report import on_another_processor
from scripts.stack.restore import Plan, models_to_load, plan_start, record, register, unpack
from scripts.store.archive import ArchiveError
from tests.stack.restored import CATALOGUE, CONFIGURATION, SERVABLE, A, B, entry, start, write_archive, write_snapshot
from tests.support.ports import free_ports


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
    assert plan.unavailable == {}, "what has not served is not waited for"


def test_what_an_archive_does_not_configure_stays_as_it_was_registered(settings: Settings) -> None:
    start(settings)
    path = settings.model_store / "Guest.mar"
    with zipfile.ZipFile(path, "w") as archive:
        manifest = {"modelName": "Guest", "modelVersion": "1", "handler": "h.py"}
        archive.writestr("MAR-INF/MANIFEST.json", json.dumps({"model": manifest}))
    guest = {"Guest": {"1": entry("Guest.mar", 1) | {"batchSize": 5, "responseTimeout": 7}}}
    write_snapshot(settings, "20260101000000001-snapshot.cfg", guest)
    assert plan_start(settings, CATALOGUE, SERVABLE, None).models == guest


def test_an_archive_that_was_proven_on_another_processor_is_told_of() -> None:
    elsewhere: Any = {"archive": "B.mar", "precision": "int8", "instruction_sets": ["none_has_this"], "error": None}
    nowhere: Any = {**elsewhere, "archive": None}
    assert on_another_processor({"A+1": {"archive": "A.mar", "error": None}, "B": elsewhere, "C": nowhere}) == [
        "B was compared with float32 on a processor that has none_has_this; this one has not, so it gains less in int8 "
        "and may answer otherwise: build it here, or with PRECISION=f32."
    ]


def test_load_models_may_name_an_ensemble_for_its_members(tmp_path: Path) -> None:
    entries = {model.name: {key: value for key, value in model.entry.items() if key != "name"} for model in (A, B)}
    file = tmp_path / "models.json"
    file.write_text(json.dumps({**entries, "E": {"ensemble": ["B", "A+1"]}}))
    settings = load_settings({"LOAD_MODELS": "E,B", "CATALOGUE": str(file)})
    assert models_to_load(settings, CATALOGUE) == [B, A]
