"""Which pictures a folder has for a model."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from scripts.catalogue import load_catalogue
from scripts.evaluation import EvaluationError
from scripts.evaluation.folder import read_data, training_beside
from scripts.labels import RAF_DB_ORDER, match
from scripts.settings import ROOT
from tests.evaluation.conftest import LABELS, save_picture

CATALOGUE = load_catalogue(ROOT / "models.json")
RAF_DB = CATALOGUE["VGG19_RAF-DB"].emotions
CK_PLUS = CATALOGUE["VGG19_CK+48"].emotions


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Three pictures, and what else lies around."""
    folder = tmp_path / "faces"
    for seed, name in enumerate(
        ("Happiness/b.png", "happy/a.png", "ANGRY/deep/c.JPG", "contempt/d.png", "happy/.e.png")
    ):
        save_picture(folder / name, seed)
    (folder / "happy" / "Thumbs.db").write_text("")
    (folder / "readme.txt").write_text("")
    return folder


def test_labels_match_without_regard_to_case_and_by_their_synonyms(data: Path) -> None:
    found = read_data(data, LABELS)
    assert [(picture.name, picture.label) for picture in found.pictures] == [
        ("ANGRY/deep/c.JPG", "angry"),
        ("Happiness/b.png", "happy"),
        ("happy/a.png", "happy"),
    ]
    assert found.meanings == {"ANGRY": "angry", "Happiness": "happy", "happy": "happy"}


def test_what_is_left_out_is_counted(data: Path) -> None:
    found = read_data(data, LABELS)
    assert found.left_out == {"contempt": 1}
    assert found.others == ("happy/Thumbs.db",)


def test_the_digest_is_that_of_names_and_contents(data: Path) -> None:
    names = ("ANGRY/deep/c.JPG", "Happiness/b.png", "happy/a.png")
    lines = [f"{name} {hashlib.sha256((data / name).read_bytes()).hexdigest()}\n" for name in names]
    assert read_data(data, LABELS).digest == hashlib.sha256("".join(lines).encode()).hexdigest()


def test_a_file_that_cannot_be_read_is_listed(data: Path) -> None:
    (data / "happy" / "f.png").symlink_to("/proc/self/mem")  # even root gets an error from it
    assert read_data(data, LABELS).unreadable == {"happy/f.png": "cannot be read (Input/output error)"}


def test_a_link_that_leads_nowhere_is_no_picture(data: Path) -> None:
    (data / "happy" / "f.png").symlink_to("nowhere")
    assert len(read_data(data, LABELS).pictures) == 3


@pytest.mark.parametrize(
    ("labels", "folders", "expected"),
    [
        (RAF_DB, [str(number) for number in range(1, 8)], dict(zip("1234567", RAF_DB, strict=True))),
        (LABELS, ["1", "4", "6"], {"1": "surprise", "4": "happy", "6": "angry"}),
        (LABELS, ["0", "1", "6"], {}),
        (CK_PLUS, ["Contempt", "neutral", "Sad"], {"Contempt": "contempt", "Sad": "sadness"}),
        (["bored", "neutral"], ["Bored", "calm"], {"Bored": "bored", "calm": "neutral"}),
    ],
)
def test_folders_have_labels(labels: list[str], folders: list[str], expected: dict[str, str]) -> None:
    assert match(folders, labels) == expected


def test_raf_dbs_folders_are_in_the_catalogues_order() -> None:
    assert [match([str(number)], RAF_DB)[str(number)] for number in range(1, 8)] == list(RAF_DB)
    assert len(RAF_DB_ORDER) == 7


def test_a_dataset_is_named_with_its_part(tmp_path: Path) -> None:
    save_picture(tmp_path / "FER2013" / "test" / "sad" / "a.png", 1)
    save_picture(tmp_path / "FER2013" / "train" / "sad" / "a.png", 2)
    test = tmp_path / "FER2013" / "test"
    assert read_data(test, LABELS).name == "FER2013/test"
    assert training_beside(test) == tmp_path / "FER2013" / "train"
    assert training_beside(tmp_path / "FER2013" / "train") is None


def test_a_folder_of_folders_says_which_one_is_meant(tmp_path: Path) -> None:
    for part in ("train", "test"):
        save_picture(tmp_path / part / "sad" / "a.png", 1)
    with pytest.raises(EvaluationError, match=f"one folder deeper; give {tmp_path}/test instead"):
        read_data(tmp_path, LABELS)


@pytest.mark.parametrize(
    ("folders", "told"),
    [
        ([], "it has no folders; expected folders named like the model's labels: angry, disgust"),
        (["0", "1"], "its folders are 0, 1; expected"),
        (["happy"], "its folders hold no pictures"),
    ],
)
def test_a_folder_without_pictures_says_what_is_expected(tmp_path: Path, folders: list[str], told: str) -> None:
    for name in folders:
        (tmp_path / name).mkdir()
    with pytest.raises(EvaluationError, match=told):
        read_data(tmp_path, LABELS)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="none: cannot be read"):
        read_data(tmp_path / "none", LABELS)
