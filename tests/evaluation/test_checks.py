"""Warnings: what a reader must know before believing the figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from scripts.evaluation.asking import Served
from scripts.evaluation.checks import all_warnings
from scripts.evaluation.duplicates import look_at, pairs_within
from scripts.evaluation.folder import read_data
from scripts.evaluation.people import people, person
from tests.evaluation.conftest import LABELS, answers_of, save_picture

CK_PLUS = ["anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]


def warned(folder: Path, dataset: str = "FER2013", training: Path | None = None, **identity: Any) -> dict[str, str]:
    """The warnings about a folder of which every answer is right, by what they are about."""
    labels = CK_PLUS if dataset == "CK+48" else list(LABELS)
    served = Served("M", {"emotions": labels, "dataset": dataset}, {"stand_in": False, "version": "1.0", **identity})
    data = read_data(folder, labels)
    places = [labels.index(picture.label) for picture in data.pictures]
    answers = answers_of(places, places, labels=labels)
    found = all_warnings(served, data, training, answers, data.pictures)
    return {warning["about"]: warning["text"] for warning in found}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Ten different pictures of each label."""
    folder = tmp_path / "test"
    for place, label in enumerate(LABELS):
        for number in range(10):
            save_picture(folder / label / f"{number}.png", 100 * place + number)
    return folder


def test_good_data_need_no_warning(data: Path) -> None:
    assert warned(data) == {}


def test_stand_ins_come_first(data: Path) -> None:
    assert list(warned(data, dataset="CK+48", stand_in=True))[:2] == ["stand-in", "frame-level split"]


def test_a_picture_that_was_changed_a_little_is_found(data: Path) -> None:
    with Image.open(data / "happy" / "3.png") as image:
        image.save(data / "sad" / "smaller.jpg", quality=60)
        ImageEnhance.Brightness(image.resize((160, 160))).enhance(0.8).save(data / "fear" / "darker.png")
    text = warned(data)["near-duplicates"]
    assert text.startswith("3 of 72 pictures are nearly equal to another one")
    assert "happy/3.png and sad/smaller.jpg" in text


def test_pictures_alike_only_from_afar_are_not_the_same(data: Path) -> None:
    with Image.open(data / "happy" / "3.png") as image:
        coarse = np.asarray(image, float)
    grain = np.random.default_rng(1).normal(0, 25, coarse.shape)
    Image.fromarray((coarse + grain).clip(0, 255).astype(np.uint8)).save(data / "sad" / "grain.png")
    look = look_at([data / "happy" / "3.png", data / "sad" / "grain.png"])
    assert int(np.bitwise_count(look.hashes[0] ^ look.hashes[1])) <= 6, "the hash alone takes them for the same"
    assert "near-duplicates" not in warned(data)


def test_pictures_without_content_and_broken_ones_are_not_alike(tmp_path: Path) -> None:
    for number in range(2):
        Image.new("L", (48, 48), 90).save(tmp_path / f"grey{number}.png")
        (tmp_path / f"broken{number}.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert pairs_within(look_at(sorted(tmp_path.iterdir()))) == []


def test_a_file_under_two_labels_is_told(data: Path) -> None:
    (data / "sad" / "again.png").write_bytes((data / "happy" / "0.png").read_bytes())
    assert warned(data)["several labels"].endswith("2 files (happy/0.png, sad/again.png).")


def test_training_pictures_among_the_data_are_found(data: Path, tmp_path: Path) -> None:
    training = tmp_path / "train"
    save_picture(training / "angry" / "new.png", 9999)
    assert "training pictures" not in warned(data, training=training)
    with Image.open(data / "fear" / "2.png") as image:
        image.save(training / "angry" / "known.jpg", quality=80)
    assert warned(data, training=training)["training pictures"].endswith("1 picture (fear/2.png).")


def test_persons_on_both_sides_of_a_split_are_found(tmp_path: Path) -> None:
    for seed, name in enumerate(("S005_001_00000011", "S005_001_00000010", "S010_004_00000017")):
        save_picture(tmp_path / "test" / "happy" / f"{name}.png", seed)
    save_picture(tmp_path / "train" / "anger" / "S005_002_00000012.png", 9)
    text = warned(tmp_path / "test", dataset="CK+48", training=tmp_path / "train")["persons on both sides"]
    assert "1 person (S005), who are on 2 pictures" in text


def test_the_frame_level_split_of_ck_plus_is_told(tmp_path: Path) -> None:
    for seed, name in enumerate(("S005_001_00000011", "S005_001_00000010", "S010_004_00000017")):
        save_picture(tmp_path / "happy" / f"{name}.png", seed)
    text = warned(tmp_path, dataset="CK+48")["frame-level split"]
    assert "99 others of the same persons" in text
    assert text.endswith("Here are 2 persons; the intervals are those of persons, not of pictures.")


def test_only_names_of_ck_plus_tell_the_person() -> None:
    assert person("anger/s005_001_00000011.png") == "S005"
    assert person("PrivateTest_10131363.jpg") is None
    assert people(["S005_001_00000011.png", "other.png"]) is None
    assert people([]) is None


def test_labels_that_are_absent_rare_or_never_said_are_named(tmp_path: Path) -> None:
    for number in range(12):
        save_picture(tmp_path / "happy" / f"{number}.png", number)
    save_picture(tmp_path / "sad" / "0.png", 99)
    found = warned(tmp_path)
    assert "no picture of angry, disgust, fear, neutral and surprise" in found["absent labels"]
    assert "fewer than 10 pictures of sad" in found["few pictures"]
    assert found["never predicted"] == "The model never says angry, disgust, fear, neutral and surprise."


def test_folders_are_explained_where_they_may_be_misread(data: Path) -> None:
    save_picture(data / "contempt" / "0.png", 5000)
    (data / "happy" / "notes.txt").write_text("")
    found = warned(data)
    assert found["folders left out"].endswith("contempt (1).")
    assert found["other files"].endswith("1 file (happy/notes.txt).")
    (data / "sad").rename(data / "5")
    assert "5 is sad" in warned(data)["numbered folders"]
