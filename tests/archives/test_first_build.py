"""What a first build makes of two good checkpoints and a bad one."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile

import pytest

from scripts.archives import build
from scripts.files import sha256
from scripts.store.index import read_index
from tests.archives.workshop import BAD, Outcome, Workshop


def test_one_bad_checkpoint_fails_alone_and_says_why(first_outcome: tuple[Workshop, Outcome]) -> None:
    workshop, (code, output, errors) = first_outcome
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


def test_the_store_holds_archives_checksums_and_records_and_nothing_else(first_build: Workshop) -> None:
    assert sorted(path.name for path in first_build.store.iterdir()) == [
        ".lock",
        *("Mini_A.build.json", "Mini_A.mar", "Mini_A.mar.sha256"),
        *("Mini_Bplus.build.json", "Mini_Bplus.mar", "Mini_Bplus.mar.sha256"),
        "digests.json",
        "index.json",
    ]
    subprocess.run(["sha256sum", "--check", "--strict", "Mini_A.mar.sha256"], cwd=first_build.store, check=True)


def test_building_leaves_nothing_outside_the_clones_folders(first_build: Workshop) -> None:
    folder = first_build.folder
    assert list((folder / "home").iterdir()) == []
    assert list((folder / "tmp").iterdir()) == []


def test_an_archive_carries_all_a_worker_needs(first_build: Workshop) -> None:
    with zipfile.ZipFile(first_build.store / "Mini_Bplus.mar") as archive:
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
            "face_margin": None,
            "stand_in": False,
            "runtime": "openvino",
            "precision": "f32",
            "version": "1.0",
            "checkpoint_sha256": sha256(first_build.checkpoint("Mini_B+")),
        }
        manifest = json.loads(archive.read("MAR-INF/MANIFEST.json"))["model"]
        weights = archive.getinfo("network.bin").file_size
    assert (manifest["modelName"], manifest["modelVersion"]) == ("Mini_Bplus", "1.0")
    assert weights > 8_500_000, "weights of 32 bits"


def test_the_build_remembers_the_checksums_it_made(first_build: Workshop) -> None:
    remembered = json.loads((first_build.store / "digests.json").read_text())
    files = [first_build.store / "Mini_A.mar", first_build.store / "Mini_Bplus.mar"]
    files += [first_build.checkpoint("Mini_A"), first_build.checkpoint("Mini_B+")]
    assert {name: entry["sha256"] for name, entry in remembered.items()} == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files
    }


def test_without_a_gpu_the_runtime_is_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_GPU_DEVICES", ("/dev/none",))
    assert build._runtime("auto") == "openvino"
    assert build._runtime("torch") == "torch"
