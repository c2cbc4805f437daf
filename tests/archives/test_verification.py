"""What is checked of an archive before it counts, and of a disk before it is filled."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from rich.console import Console

from scripts.archives import packing
from scripts.archives.build import BuildError, build_all
from scripts.archives.verification import difference
from scripts.checkpoints.networks import load_network
from scripts.checkpoints.reading import load_checkpoint
from scripts.files import signature
from scripts.probes import probe_files
from scripts.store import digests
from scripts.store.checksums import checksum_file
from scripts.store.index import verify_checksums
from tests.archives.workshop import Workshop


def test_a_store_that_cannot_be_written_is_named(workshop: Workshop) -> None:
    shutil.rmtree(workshop.store)
    workshop.store.write_text("a file, where a folder should be")
    with pytest.raises(BuildError) as caught:
        build_all(workshop.settings, Console(file=io.StringIO()))
    assert str(caught.value) == (
        f"{workshop.store} cannot be written (File exists); check its rights and the free space on its disk, or set "
        "MODEL_STORE to another folder"
    )


def order(workshop: Workshop, folder: Path) -> dict[str, Any]:
    folder.mkdir()
    model = workshop.catalogue["Mini_A"]
    return {
        "model": {**model.__dict__, "emotions": list(model.emotions)},
        "checkpoint": str(workshop.checkpoint("Mini_A")),
        "store": str(workshop.store),
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
    monkeypatch.setattr(digests, "sha256", lambda path: pytest.fail(f"{path} is hashed again"))
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


def test_the_probes_cover_colour_grey_and_orientation() -> None:
    probes = probe_files(0)
    images = {name: Image.open(io.BytesIO(data)) for name, data in probes.items()}
    assert {name: (image.mode, image.size) for name, image in images.items()} == {
        "frame.jpg": ("RGB", (640, 480)),
        "grey.png": ("L", (48, 48)),
        "turned.jpg": ("RGB", (600, 800)),
    }
    assert images["turned.jpg"].getexif()[0x0112] == 6
    assert checksum_file(Path("a.mar")) == Path("a.mar.sha256")
