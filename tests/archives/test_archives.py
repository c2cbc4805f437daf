"""Building archives as a user would, from small real checkpoints; each build is a process of its own."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from PIL import Image
from rich.console import Console

from scripts.archives import build, packing
from scripts.archives.build import BuildError, build_all
from scripts.archives.changes import Build
from scripts.archives.verification import difference
from scripts.catalogue import Model, load_catalogue
from scripts.checkpoints.calibration import calibrated_state_dict
from scripts.checkpoints.networks import load_network
from scripts.checkpoints.reading import load_checkpoint
from scripts.files import exclusive, sha256, signature
from scripts.probes import probe_files
from scripts.settings import ROOT, Settings, load_settings
from scripts.store import checksums, records
from scripts.store.checksums import verify_checksums
from scripts.store.index import read_index
from tests.support.polling import poll

CATALOGUE: dict[str, dict[str, Any]] = {
    "Mini_A": {"architecture": "MobileNetV2", "dataset": "A", "emotions": ["sad", "happy", "calm"], "accuracy": 50.0},
    "Mini_B+": {"architecture": "MobileNetV2", "dataset": "B+", "emotions": ["yes", "no"]},
    "Mini_C": {"architecture": "MobileNetV2", "dataset": "C", "emotions": ["on", "off"]},
}
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9165707\n"
SIGNS_OF_WORK = ".building-*"


@dataclass(frozen=True)
class Workshop:
    """A catalogue, its checkpoints and a model store of a test's own."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """The settings, with a home and a temporary folder that must stay empty."""
        places = {"CATALOGUE": "models.json", "RESULTS_DIR": "results", "MODEL_STORE": "store", "RUN_DIR": "run"}
        places |= {"HOME": "home", "TMPDIR": "tmp"}
        settings = {name: str(self.folder / place) for name, place in places.items()}
        return {**os.environ, **settings, "COLUMNS": "220", "RUNTIME": "openvino"}

    @property
    def settings(self) -> Settings:
        return load_settings(self.environment)

    @property
    def store(self) -> Path:
        return self.settings.model_store

    @property
    def catalogue(self) -> dict[str, Model]:
        return load_catalogue(self.settings.catalogue)

    def write_catalogue(self, **entries: Any) -> None:
        self.settings.catalogue.write_text(json.dumps({**CATALOGUE, **entries}))

    def checkpoint(self, name: str) -> Path:
        return self.settings.results_dir / f"{name}_best.pt"

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``make archives`` in a process group of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "scripts.archives", *arguments],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def build(self, *arguments: str) -> tuple[int, str, str]:
        """Run ``make archives``; returns its exit code and what it printed."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=600)
        return process.returncode, output, errors

    def planned(self, runtime: str = "openvino", version: str | None = None) -> dict[str, str]:
        """Why each model would be built now; a model that is up to date or cannot be built is not in it."""
        build = Build(self.settings, self.catalogue, self.folder, runtime)
        plans = {name: build.plan(model, version, False) for name, model in self.catalogue.items()}
        return {name: plan.reason for name, plan in plans.items() if plan}

    def files(self) -> dict[str, str]:
        """The store's files with their content's hash; the lock aside, and the records, which note files' times."""
        files = [path for path in self.store.iterdir() if path.is_file() and path.name != ".lock"]
        return {path.name: sha256(path) for path in files if not path.name.endswith(".build.json")}


def prepare(folder: Path) -> Workshop:
    workshop = Workshop(folder)
    for place in ("home", "tmp", "results"):
        (folder / place).mkdir(parents=True)
    workshop.write_catalogue()
    for seed, (name, entry) in enumerate(CATALOGUE.items()):
        torch.save(calibrated_state_dict("MobileNetV2", len(entry["emotions"]), seed), workshop.checkpoint(name))
    return workshop


@pytest.fixture(scope="module")
def first_build(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workshop, tuple[int, str, str]]:
    """Two good checkpoints and one full of NaN, built; the folder's name holds what archivers take for patterns."""
    workshop = prepare(tmp_path_factory.mktemp("build") / "a, b [c]*")
    bad = torch.load(workshop.checkpoint("Mini_C"), weights_only=True)
    bad["classifier.1.bias"][:] = float("nan")
    torch.save(bad, workshop.checkpoint("Mini_C"))
    return workshop, workshop.build()


@pytest.fixture
def workshop(first_build: tuple[Workshop, Any], tmp_path: Path) -> Workshop:
    """A copy of the first build, to be changed."""
    shutil.copytree(first_build[0].folder, tmp_path / "copy", dirs_exist_ok=True)
    return Workshop(tmp_path / "copy")


BAD = "Mini_C_best.pt: classifier.1.bias has 2 of 2 weights that are NaN; training diverged, use an earlier checkpoint"


def test_one_bad_checkpoint_fails_alone_and_says_why(first_build: tuple[Workshop, tuple[int, str, str]]) -> None:
    workshop, (code, output, errors) = first_build
    assert (code, errors) == (1, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    assert [(name, outcome.split(" in ")[0], reason) for name, outcome, reason in rows] == [
        ("Mini_A", "built", "new"),
        ("Mini_B+", "built", "new"),
        ("Mini_C", "failed", BAD),
    ]
    digests = {name: sha256(workshop.store / name) for name in ("Mini_A.mar", "Mini_Bplus.mar")}
    common = {"version": "1.0", "stand_in": False, "runtime": "openvino", "precision": "f32", "error": None}
    assert read_index(workshop.settings.index_file) == {
        "Mini_A": {"archive": "Mini_A.mar", "sha256": digests["Mini_A.mar"], **common},
        "Mini_B+": {"archive": "Mini_Bplus.mar", "sha256": digests["Mini_Bplus.mar"], **common},
        "Mini_C": {"archive": None, "stand_in": False, "error": BAD},
    }


def test_the_store_holds_archives_checksums_and_records_and_nothing_else(first_build: tuple[Workshop, Any]) -> None:
    workshop = first_build[0]
    assert sorted(path.name for path in workshop.store.iterdir()) == [
        ".lock",
        *("Mini_A.build.json", "Mini_A.mar", "Mini_A.mar.sha256"),
        *("Mini_Bplus.build.json", "Mini_Bplus.mar", "Mini_Bplus.mar.sha256"),
        "index.json",
    ]
    subprocess.run(["sha256sum", "--check", "--strict", "Mini_A.mar.sha256"], cwd=workshop.store, check=True)


def test_building_leaves_nothing_outside_the_clones_folders(first_build: tuple[Workshop, Any]) -> None:
    folder = first_build[0].folder
    assert list((folder / "home").iterdir()) == []
    assert list((folder / "tmp").iterdir()) == []


def test_an_archive_carries_all_a_worker_needs(first_build: tuple[Workshop, Any]) -> None:
    workshop = first_build[0]
    with zipfile.ZipFile(workshop.store / "Mini_Bplus.mar") as archive:
        names = {info.filename: info.compress_type for info in archive.infolist()}
        assert set(names.values()) == {zipfile.ZIP_STORED}
        assert {"emotion_handler.py", "face_image.py", "engine.py", "sitecustomize.py"} < names.keys()
        assert {"network.xml", "network.bin", "model.json", "model-config.yaml", "MAR-INF/MANIFEST.json"} < names.keys()
        assert json.loads(archive.read("model.json")) == {
            "model": "Mini_B+",
            "architecture": "MobileNetV2",
            "torchvision_name": "mobilenet_v2",
            "dataset": "B+",
            "emotions": ["yes", "no"],
            "accuracy": None,
            "stand_in": False,
            "runtime": "openvino",
            "precision": "f32",
            "version": "1.0",
            "checkpoint_sha256": sha256(workshop.checkpoint("Mini_B+")),
        }
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]
        weights = archive.getinfo("network.bin").file_size
    assert (manifest["modelName"], manifest["modelVersion"]) == ("Mini_Bplus", "1.0")
    assert weights > 8_500_000, "weights of 32 bits"


def test_an_unchanged_store_is_up_to_date_without_torch(workshop: Workshop) -> None:
    shutil.copy(workshop.checkpoint("Mini_B+"), workshop.checkpoint("Mini_C"))
    workshop.write_catalogue(**{"Mini_C": CATALOGUE["Mini_B+"]})
    assert workshop.build("--model", "Mini_C")[0] == 0
    before = workshop.files()
    code = (
        "import sys; from scripts.archives.__main__ import main; "
        "assert main([]) == 0; assert 'torch' not in sys.modules"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=workshop.environment, capture_output=True, text=True, check=False
    )
    assert run.stdout.splitlines() == ["The archives in store/ are up to date (3 of 3)."], run.stderr
    assert workshop.files() == before


def test_only_what_changed_is_built(workshop: Workshop) -> None:
    assert workshop.planned() == {"Mini_C": "new"}
    workshop.checkpoint("Mini_A").touch()
    assert workshop.planned() == {"Mini_C": "new"}, "the content is the same"
    workshop.write_catalogue(**{"Mini_A": {**CATALOGUE["Mini_A"], "accuracy": 51}})
    assert workshop.planned() == {"Mini_A": "catalogue entry changed", "Mini_C": "new"}
    shutil.copy(workshop.checkpoint("Mini_C"), workshop.checkpoint("Mini_A"))
    assert workshop.planned()["Mini_A"] == "checkpoint, catalogue entry changed"
    assert workshop.planned(version="2.0")["Mini_B+"] == "version changed"


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


def test_a_new_version_is_kept_by_later_builds_and_a_new_runtime_packs_the_checkpoint(workshop: Workshop) -> None:
    code, _, errors = workshop.build("--model", "Mini_A", "--archive-version", "2.1", "--runtime", "torch")
    assert (code, errors) == (0, "")
    entry = read_index(workshop.settings.index_file)["Mini_A"]
    assert (entry["version"], entry["runtime"], entry["error"]) == ("2.1", "torch", None)
    with zipfile.ZipFile(workshop.store / "Mini_A.mar") as archive:
        names = set(archive.namelist())
    assert "checkpoint.pt" in names
    assert not names & {"network.xml", "network.bin", "sitecustomize.py"}
    assert workshop.planned("torch") == {"Mini_B+": "handler, runtime changed", "Mini_C": "new"}


def test_the_archive_of_a_real_checkpoint_stays_in_service_when_its_checkpoint_breaks(workshop: Workshop) -> None:
    workshop.checkpoint("Mini_A").write_bytes(POINTER)
    workshop.checkpoint("Mini_B+").unlink()
    before = workshop.files()
    code, output, _ = workshop.build()
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
    assert workshop.build("--model", "Mini_C")[0] == 1
    assert read_index(workshop.settings.index_file) == index, "a build of one model forgets nothing of the others"


def test_the_archive_of_a_stand_in_is_not_served_in_the_place_of_a_broken_checkpoint(workshop: Workshop) -> None:
    record_file = workshop.store / "Mini_A.build.json"
    record_file.write_text(json.dumps({**json.loads(record_file.read_text()), "stand_in": True}))
    workshop.checkpoint("Mini_A").write_bytes(POINTER)
    assert workshop.build("--model", "Mini_A")[0] == 1
    error = "Mini_A_best.pt is a Git LFS pointer, not the file itself; run `git lfs pull` where it came from"
    assert read_index(workshop.settings.index_file)["Mini_A"] == {"archive": None, "stand_in": False, "error": error}
    assert (workshop.store / "Mini_A.mar").exists()


def test_an_archive_with_other_labels_than_the_catalogues_is_not_served(workshop: Workshop) -> None:
    workshop.write_catalogue(**{"Mini_A": {**CATALOGUE["Mini_A"], "emotions": ["calm", "happy", "sad"]}})
    workshop.checkpoint("Mini_A").unlink()
    assert workshop.build("--model", "Mini_A")[0] == 1
    assert read_index(workshop.settings.index_file)["Mini_A"]["archive"] is None


def test_archives_of_models_that_left_the_catalogue_are_left_alone(workshop: Workshop) -> None:
    workshop.settings.catalogue.write_text(json.dumps({"Mini_A": CATALOGUE["Mini_A"]}))
    assert workshop.build()[0] == 0
    assert list(read_index(workshop.settings.index_file)) == ["Mini_A"]
    assert (workshop.store / "Mini_Bplus.mar").exists()


def family_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


@pytest.fixture
def building(workshop: Workshop) -> Iterator[subprocess.Popen[str]]:
    """A build of two archives that exist already, in the midst of its work."""
    process = workshop.start("--force", "--model", "Mini_A", "--model", "Mini_B+")
    try:
        poll(lambda: any(workshop.store.glob(f"{SIGNS_OF_WORK}/*/content")), seconds=120)
        yield process
    finally:
        for member in family_of(process) if process.poll() is None else []:
            member.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_process_and_no_half_archive(
    workshop: Workshop, building: subprocess.Popen[str], number: signal.Signals
) -> None:
    before = workshop.files()
    family = family_of(building)
    assert len(family) > 1
    building.send_signal(number)
    building.wait(30)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    assert workshop.files() == before
    if number == signal.SIGKILL:
        assert any(workshop.store.glob(SIGNS_OF_WORK))
        assert workshop.build("--model", "Mini_A")[0] == 0
    else:
        assert building.returncode == 130
        assert building.stderr is not None
        assert building.stderr.read() == "Interrupted. Finished archives stay, the others are as before.\n"
    assert not any(workshop.store.glob(SIGNS_OF_WORK))


def test_a_worker_that_is_killed_fails_its_archive_alone(workshop: Workshop, building: subprocess.Popen[str]) -> None:
    before = workshop.files()
    worker = next(member for member in family_of(building) if "scripts.pool.worker" in member.cmdline())
    worker.kill()
    output, _ = building.communicate(timeout=300)
    assert building.returncode == 1
    assert output.count("ended with signal 9; if memory ran out, try --jobs 1; see build.log") == 1
    changed = {name for name, digest in workshop.files().items() if before[name] != digest}
    assert len(changed & {"Mini_A.mar", "Mini_Bplus.mar"}) == 1
    assert [entry["error"] for entry in read_index(workshop.settings.index_file).values()] == [None, None, BAD]


def test_a_build_waits_for_another_in_the_same_store(workshop: Workshop) -> None:
    with exclusive(workshop.store):
        waiting = workshop.start("--force", "--model", "Mini_A")
        assert waiting.stdout
        sentence = waiting.stdout.readline()
        assert not any(workshop.store.glob(SIGNS_OF_WORK))
        assert waiting.poll() is None
    output, errors = waiting.communicate(timeout=600)
    assert sentence == f"process {os.getpid()} is writing into store/ already; waiting for its end\n"
    assert (waiting.returncode, errors) == (0, ""), output


def test_a_build_that_waits_for_another_can_be_interrupted(workshop: Workshop) -> None:
    before = workshop.files()
    with exclusive(workshop.store):
        waiting = workshop.start("--force", "--model", "Mini_A")
        assert waiting.stdout
        waiting.stdout.readline()
        waiting.send_signal(signal.SIGINT)
        _, errors = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    assert errors == "Interrupted. Finished archives stay, the others are as before.\n"
    assert workshop.files() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "Maxi"], "model 'Maxi' is not in the catalogue; it has Mini_A, Mini_B+, Mini_C\n"),
        (["--archive-version", "1/2"], "archive version '1/2': use letters, digits, '.', '_' and '-'\n"),
    ],
)
def test_an_option_that_cannot_be_is_refused(workshop: Workshop, arguments: list[str], message: str) -> None:
    assert workshop.build(*arguments) == (1, "", message)


def test_a_store_that_cannot_be_written_is_named(workshop: Workshop) -> None:
    shutil.rmtree(workshop.store)
    workshop.store.write_text("a file, where a folder should be")
    with pytest.raises(BuildError) as caught:
        build_all(workshop.settings, Console(file=io.StringIO()))
    assert str(caught.value) == (
        f"{workshop.store} cannot be written (File exists); check its rights and the free space on its disk"
    )


def order(workshop: Workshop, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    model = workshop.catalogue["Mini_A"]
    return {
        "model": {**model.__dict__, "emotions": list(model.emotions)},
        "checkpoint": str(workshop.checkpoint("Mini_A")),
        "folder": str(folder),
        "runtime": "openvino",
        "version": "1.0",
    }


def test_a_disk_too_full_is_noticed_before_it_is_filled(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(workshop.folder)._replace(free=10_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(packing.PackingError) as caught:
        packing.build_archive(order(workshop, workshop.folder / "work"), lambda stage: None)
    assert str(caught.value) == (
        "Mini_A.mar: the model store's disk has 10 MB free, packing needs 27 MB; "
        "free some space and run `make archives` again"
    )


def test_an_archive_that_disagrees_with_torch_is_refused(workshop: Workshop, tmp_path: Path) -> None:
    model = workshop.catalogue["Mini_A"]
    archive = workshop.store / "Mini_A.mar"
    own = load_checkpoint(workshop.checkpoint("Mini_A"), model).state_dict
    assert difference(archive, model, load_network("MobileNetV2", 3, own), tmp_path / "right") is None
    other = {**own, "classifier.1.bias": own["classifier.1.bias"] + torch.tensor([1e-3, 0, 0])}
    problem = difference(archive, model, load_network("MobileNetV2", 3, other), tmp_path / "wrong")
    assert problem is not None
    assert problem.startswith("frame.jpg: ")
    assert problem.endswith("(tolerance 0.0001)")


def test_an_archive_is_compared_without_the_settings_of_a_stack(
    workshop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_PIXELS", "1000")
    monkeypatch.setenv("JPEG_DECODING", "reduced")
    model = workshop.catalogue["Mini_A"]
    own = load_checkpoint(workshop.checkpoint("Mini_A"), model).state_dict
    network = load_network("MobileNetV2", 3, own)
    assert difference(workshop.store / "Mini_A.mar", model, network, tmp_path / "unpacked") is None


def test_an_archive_that_does_not_load_is_refused_with_the_reason(workshop: Workshop, tmp_path: Path) -> None:
    model = workshop.catalogue["Mini_A"]
    archive = tmp_path / "Mini_A.mar"
    with zipfile.ZipFile(workshop.store / "Mini_A.mar") as whole, zipfile.ZipFile(archive, "w") as part:
        for name in whole.namelist():
            if name != "network.bin":
                part.writestr(name, whole.read(name))
    problem = difference(archive, model, None, tmp_path / "unpacked")
    assert problem is not None
    assert problem.startswith("it does not load: engine.EngineError: Mini_A: the network does not load")


def test_checksums_are_verified_and_remembered(workshop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    good = {"Mini_A": None, "Mini_B+": None}
    assert verify_checksums(workshop.settings) == good
    monkeypatch.setattr(checksums, "sha256", lambda path: pytest.fail(f"{path} is hashed again"))
    assert verify_checksums(workshop.settings) == good
    monkeypatch.undo()

    archive = workshop.store / "Mini_A.mar"
    before = signature(archive)
    content = archive.read_bytes()
    archive.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    os.utime(archive, ns=(before[1], before[1]))
    (workshop.store / "Mini_Bplus.mar.sha256").unlink()
    remedy = "run `make archives`, which builds it again"
    assert verify_checksums(workshop.settings) == {
        "Mini_A": f"Mini_A.mar is damaged: its SHA-256 is not the one in Mini_A.mar.sha256; {remedy}",
        "Mini_B+": f"Mini_Bplus.mar has no checksum file Mini_Bplus.mar.sha256; {remedy}",
    }
    archive.unlink()
    assert verify_checksums(workshop.settings)["Mini_A"] == f"Mini_A.mar is missing in the model store; {remedy}"


def test_the_build_remembers_the_checksums_it_made(first_build: tuple[Workshop, Any]) -> None:
    workshop = first_build[0]
    remembered = json.loads((workshop.settings.run_dir / "verified.json").read_text())
    assert {name: entry["sha256"] for name, entry in remembered.items()} == {
        name: hashlib.sha256((workshop.store / name).read_bytes()).hexdigest()
        for name in ("Mini_A.mar", "Mini_Bplus.mar")
    }


def test_without_a_gpu_the_runtime_is_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_GPU_DEVICES", ("/dev/none",))
    assert build._runtime("auto") == "openvino"
    assert build._runtime("torch") == "torch"


def test_the_probes_cover_colour_grey_and_orientation() -> None:
    probes = probe_files(0)
    images = {name: Image.open(io.BytesIO(data)) for name, data in probes.items()}
    assert {name: (image.mode, image.size) for name, image in images.items()} == {
        "frame.jpg": ("RGB", (640, 480)),
        "grey.png": ("L", (48, 48)),
        "turned.jpg": ("RGB", (600, 800)),
    }
    assert images["turned.jpg"].getexif()[0x0112] == 6
    assert records.checksum_file(Path("a.mar")) == Path("a.mar.sha256")
