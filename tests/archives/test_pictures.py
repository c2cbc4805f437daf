"""Which pictures of a folder an archive is made with and judged by."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from scripts.archives.pictures import PicturesError, find, split
from scripts.catalogue import Model
from scripts.precision import Gate

MODEL = Model("A", "MobileNetV2", "RAF-DB", ("Happiness", "Sadness"))


def write(folder: Path, names: list[str]) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_a_picture_has_the_label_of_its_folder_however_that_is_written(tmp_path: Path) -> None:
    names = ["HAPPY/a.jpg", "sad/b.PNG", "4/c.jpeg", "angry/d.jpg", "e.webp", "sad/notes.txt", ".hidden/f.jpg"]
    found = find(write(tmp_path, names), MODEL)
    assert dict(zip([file.name for file in found.files], found.labels, strict=True)) == {
        "a.jpg": "Happiness",
        "b.PNG": "Sadness",
        "c.jpeg": "Happiness",
        "d.jpg": None,
        "e.webp": None,
    }


def test_a_folder_of_the_dataset_s_name_is_preferred(tmp_path: Path) -> None:
    write(tmp_path, ["RAF-DB/sad/a.jpg", "FER2013/sad/b.jpg"])
    assert [file.name for file in find(tmp_path, MODEL).files] == ["a.jpg"]


def test_copies_of_a_picture_count_once(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(b"the same")
    assert [file.name for file in find(tmp_path, MODEL).files] == ["a.jpg"]


def test_an_empty_folder_is_refused_with_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(PicturesError, match=r"there is no picture in it; give a folder of pictures like those"):
        find(tmp_path, MODEL)
    with pytest.raises(PicturesError, match="there is no picture in it"):
        find(tmp_path / "nowhere", MODEL)


def test_no_picture_is_both_quantised_with_and_judged_by(tmp_path: Path) -> None:
    found = find(write(tmp_path, [f"{label}/{n}.jpg" for label in ("happy", "sad") for n in range(300)]), MODEL)
    parts = split(found, Gate(), calibrate=True)
    assert (len(parts.calibrating.files), len(parts.held_out.files)) == (200, 400)
    assert not {*parts.calibrating.files} & {*parts.held_out.files}
    assert min(Counter(parts.calibrating.labels).values()) > 60, "drawn by chance, not by name"
    assert parts == split(find(tmp_path, MODEL), Gate(), calibrate=True)
    assert len(split(found, Gate(), calibrate=False).held_out.files) == 600
    assert len(split(found, Gate(most=150), calibrate=False).held_out.files) == 150
    assert len(split(found, None, calibrate=True).calibrating.files) == 300


def test_too_few_pictures_to_judge_by_are_refused_with_the_number_that_suffices(tmp_path: Path) -> None:
    found = find(write(tmp_path, [f"{number}.jpg" for number in range(120)]), MODEL)
    assert len(split(found, Gate(), calibrate=False).held_out.files) == 120
    with pytest.raises(PicturesError) as caught:
        split(found, Gate(), calibrate=True)
    assert str(caught.value) == (
        f"{tmp_path} has 120 different pictures, of which 80 are left to judge by; "
        "give at least 150, or set GATE=least=80 and trust it less"
    )
    assert len(split(found, Gate(least=80), calibrate=True).held_out.files) == 80
