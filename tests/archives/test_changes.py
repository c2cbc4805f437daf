"""What is built again: what changed, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile

import pytest

from scripts.files import sha256
from scripts.settings import ROOT
from scripts.store.index import read_index
from tests.archives.workshop import BAD, CATALOGUE, Workshop


@pytest.mark.slow
def test_an_unchanged_store_is_up_to_date_without_torch_or_numpy(workshop: Workshop) -> None:
    good = {name: entry for name, entry in CATALOGUE.items() if name != "Mini_C"}
    workshop.catalogue_file.write_text(json.dumps(good))
    workshop.checkpoint("Mini_A").with_name("Mini_C_best.pt").unlink()
    assert workshop.make()[0] == 0  # the index forgets the third
    before = workshop.files()
    code = (
        "import sys; from scripts.archives.__main__ import main; "
        "assert main([]) == 0; assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=workshop.environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines() == ["The archives in store/ are up to date (2 of 2)."], run.stderr
    assert workshop.files() == before


def test_only_what_changed_is_built(workshop: Workshop) -> None:
    assert workshop.planned() == {"Mini_C": "new"}
    workshop.checkpoint("Mini_A").touch()
    assert workshop.planned() == {"Mini_C": "new"}, "the content is the same"
    workshop.write_catalogue(**{"Mini_A": {**CATALOGUE["Mini_A"], "accuracy": 51}})
    assert workshop.planned() == {"Mini_A": "catalogue entry changed", "Mini_C": "new"}
    shutil.copy(workshop.checkpoint("Mini_C"), workshop.checkpoint("Mini_A"))
    assert workshop.planned()["Mini_A"] == "checkpoint, catalogue entry changed"


def test_a_checkpoint_with_another_digest_than_the_file_beside_it_says_is_not_built(workshop: Workshop) -> None:
    workshop.write_catalogue(**{"Mini_A": {**CATALOGUE["Mini_A"], "accuracy": 51}})
    checkpoint = workshop.checkpoint("Mini_A")
    beside = checkpoint.with_name(f"{checkpoint.name}.sha256")
    beside.write_text(f"{'0' * 64}  {checkpoint.name}\n")
    assert workshop.planned() == {"Mini_C": "new"}
    beside.write_text(f"{sha256(checkpoint)}  {checkpoint.name}\n")
    assert workshop.planned() == {"Mini_A": "catalogue entry changed", "Mini_C": "new"}


@pytest.mark.slow
def test_a_first_build_looks_at_the_digest_beside_a_checkpoint_too(workshop: Workshop) -> None:
    shutil.copy(workshop.checkpoint("Mini_B+"), workshop.checkpoint("Mini_C"))
    (workshop.folder / "results" / "Mini_C_best.pt.sha256").write_text("0" * 64)
    code, output, _ = workshop.make("--model", "Mini_C")
    assert code == 1
    assert "Mini_C_best.pt is damaged or another file: its SHA-256 is not the one in Mini_C_best.pt.sha256" in output


@pytest.mark.parametrize("damage", ["archive", "checksum", "missing checksum", "missing archive", "record"])
def test_a_damaged_archive_is_built_again(workshop: Workshop, damage: str) -> None:
    archive, checksum = workshop.store / "Mini_A.mar", workshop.store / "Mini_A.mar.sha256"
    if damage == "archive":
        archive.write_bytes(archive.read_bytes()[:-1] + b"x")
    elif damage == "checksum":
        checksum.write_text(f"{'0' * 64}  Mini_A.mar\n")
    elif damage == "record":
        (workshop.store / "Mini_A.build.json").write_text("{")
    else:
        (checksum if "checksum" in damage else archive).unlink()
    reason = "new" if damage in ("missing archive", "record") else "archive or checksum damaged"
    assert workshop.planned()["Mini_A"] == reason


def test_changed_handlers_or_libraries_make_every_archive_be_built(
    workshop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.archives.inputs.HANDLERS", workshop.folder)
    for original in (ROOT / "handlers").glob("[a-z]*.*"):
        shutil.copy(original, workshop.folder)
    assert workshop.planned() == {"Mini_C": "new"}
    with (workshop.folder / "engine.py").open("a") as file:
        file.write("\n")
    assert workshop.planned() == {"Mini_A": "handler changed", "Mini_B+": "handler changed", "Mini_C": "new"}


@pytest.mark.slow
def test_a_new_version_is_kept_by_later_builds_and_a_new_runtime_packs_the_checkpoint(workshop: Workshop) -> None:
    code, _, errors = workshop.make("--model", "Mini_A", "--archive-version", "2.1", "--runtime", "torch")
    assert (code, errors) == (0, "")
    entry = read_index(workshop.settings.index_file)["Mini_A"]
    assert (entry["version"], entry["runtime"], entry["error"]) == ("2.1", "torch", None)
    with zipfile.ZipFile(workshop.store / "Mini_A.mar") as archive:
        names = set(archive.namelist())
    assert "checkpoint.pt" in names
    assert not names & {"network.xml", "network.bin", "sitecustomize.py"}
    assert workshop.planned(runtime="torch") == {"Mini_B+": "handler, runtime changed", "Mini_C": "new"}


@pytest.mark.slow
def test_a_failure_is_in_the_index_though_nothing_is_built_after_it(workshop: Workshop) -> None:
    before = read_index(workshop.settings.index_file)
    workshop.settings.index_file.unlink()
    (workshop.folder / "results" / "mini c.pth").write_bytes(b"")
    code, output, _ = workshop.make("--model", "Mini_C")
    assert code == 1
    assert "mini c.pth in results/ looks like a checkpoint but has another name" in output
    assert read_index(workshop.settings.index_file) == before
    assert before["Mini_C"]["error"] == BAD


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "Maxi"], "model 'Maxi' is not in the catalogue; it has Mini_A, Mini_B+, Mini_C\n"),
        (["--archive-version", "1/2"], "archive version '1/2': use letters, digits, '.', '_' and '-'\n"),
    ],
)
def test_an_option_that_cannot_be_is_refused(workshop: Workshop, arguments: list[str], message: str) -> None:
    assert workshop.make(*arguments) == (1, "", message)
