"""Two models on the same pictures, groups of people, the claim and the table of all models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scripts.catalogue import load_catalogue
from scripts.evaluation import EvaluationError
from scripts.evaluation.claim import Claim, claim_of, judge, verdict
from scripts.evaluation.comparison import Said, compare, said
from scripts.evaluation.groups import by_group, read_groups
from scripts.evaluation.matrix import folders, rows, table
from scripts.settings import ROOT
from tests.evaluation.conftest import answers_of, save_picture

CATALOGUE = load_catalogue(ROOT / "models.json")
ENTRIES = {name: {"architecture": model.architecture, "dataset": model.dataset} for name, model in CATALOGUE.items()}
MEASURED = {"value": 0.56, "low": 0.54, "high": 0.58}


def test_words_for_one_emotion_agree() -> None:
    truth = ["happy", "sad", "fear", "angry"]
    first = [said({"happy": 0.9, "sad": 0.1}), Said("sad", 0.8), Said("happy", 0.6), Said("sad", 0.7)]
    second = [Said("Happiness", 0.8), Said("Fear", 0.9), Said("Fear", 0.4), Said("Sadness", 0.9)]
    found = compare(list("abcd"), truth, first, second, "other")
    assert (found["agreement"]["value"], found["accuracy"]["value"], found["other_accuracy"]["value"]) == (
        0.5,
        0.5,
        0.5,
    )
    assert (found["only_this_right"], found["only_other_right"], found["mcnemar_p"]) == (1, 1, 1)
    assert [(one["file"], one["this"], one["other"]) for one in found["differences"]] == [
        ("b", "sad", "Fear"),
        ("c", "happy", "Fear"),
    ]


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """A table in which the model is right about the first of two groups only."""
    path = tmp_path / "groups.csv"
    lines = [
        f"happy/{number}.png,{'old' if number < 20 else 'young'},{'f' if number % 2 else 'm'}" for number in range(40)
    ]
    path.write_text("file,age,gender\n" + "\n".join(lines) + "\n")
    return path


def test_a_group_with_a_lower_recall_is_significant(groups: Path) -> None:
    answers = answers_of([3] * 41, [3] * 20 + [5] * 21)
    found = by_group(answers, [f"happy/{number}.png" for number in range(41)], read_groups(groups))
    assert found["unknown_pictures"] == 1
    age, gender = found["kinds"]["age"], found["kinds"]["gender"]
    assert [(group, one["value"], one["pictures"]) for group, one in age["accuracy"].items()] == [
        ("old", 1, 20),
        ("young", 0, 20),
    ]
    [happy] = age["labels"]
    assert happy["label"] == "happy"
    assert happy["p_corrected"] == pytest.approx(2 * happy["p"])
    assert happy["p"] < 1e-9
    assert gender["labels"][0]["p_corrected"] == 1


def test_groups_are_found_by_the_files_name_alone(groups: Path) -> None:
    table = {Path(name).name: row for name, row in read_groups(groups).items()}
    found = by_group(answers_of([3, 3], [3, 3]), ["happy/1.png", "happy/30.png"], table)
    assert found["unknown_pictures"] == 0


def test_groups_of_other_pictures_are_refused(groups: Path) -> None:
    with pytest.raises(EvaluationError, match=r"none of the pictures; its column 'file' must be like 'sad/1\.png'"):
        by_group(answers_of([5], [5]), ["sad/1.png"], read_groups(groups))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "needs a column 'file'"),
        ("name,age\na,3\n", "needs a column 'file'"),
        ("file\na\n", "needs a column 'file'"),
        (
            "file,age\n" + "".join(f"{age},{age}\n" for age in range(20)),
            "column 'age' has 20 groups; give ranges, 12 at most",
        ),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(EvaluationError, match=told):
        read_groups(tmp_path / "groups.csv")


@pytest.mark.parametrize(
    ("claimed", "reached", "told"),
    [
        (55.68, True, "claims 55.68 % on FER2013: reached. The claim lies in the interval."),
        (57.9, True, "short of it by 1.90 points, within the margin of 2. The claim lies in the interval."),
        (58.0, True, "short of it by 2.00 points, within the margin of 2."),
        (58.1, False, "short of it by 2.10 points, more than the margin of 2."),
        (50.0, True, "claims 50.00 % on FER2013: reached."),
    ],
)
def test_accuracy_is_compared_with_the_claim(claimed: float, reached: bool, told: str) -> None:
    found = judge(MEASURED, Claim(claimed, "FER2013"), 2.0, stand_in=False)
    assert found is not None
    assert found["reached"] is reached
    assert verdict(found).endswith(told)


def test_a_stand_in_has_nothing_of_what_is_claimed() -> None:
    found = judge({"value": 1.0, "low": 0.9, "high": 1.0}, Claim(55.68, "FER2013"), 2.0, stand_in=True)
    assert found is not None
    assert (found["reached"], found["within_interval"]) == (False, False)
    assert verdict(found) == "models.json claims 55.68 % on FER2013, which a stand-in cannot show."


def test_the_claim_is_the_catalogues_or_else_the_services() -> None:
    assert claim_of("VGG19_RAF-DB", CATALOGUE, {"accuracy": 1.0}) == Claim(80.28, "RAF-DB")
    assert claim_of("New", CATALOGUE, {"accuracy": 61.0, "dataset": "D"}) == Claim(61.0, "D")
    assert claim_of("New", CATALOGUE, {"dataset": "D"}) is None
    assert verdict(judge(MEASURED, None, 2.0, stand_in=False)) == "models.json claims no accuracy for this model."


def test_each_model_gets_the_pictures_of_its_dataset(tmp_path: Path) -> None:
    save_picture(tmp_path / "FER2013" / "test" / "sad" / "a.png", 1)
    save_picture(tmp_path / "CK+48" / "sadness" / "a.png", 1)
    found = folders(tmp_path, ENTRIES)
    assert found["VGG19_FER2013"] == tmp_path / "FER2013" / "test"
    assert found["VGG19_CK+48"] == tmp_path / "CK+48"
    assert len(found) == 6
    everything = folders(tmp_path / "CK+48", ENTRIES)
    assert set(everything.values()) == {tmp_path / "CK+48"}
    assert len(everything) == 9


def test_a_folder_without_datasets_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        EvaluationError, match=r"no folder of a dataset; give one with CK\+48/, FER2013/, RAF-DB/ in it"
    ):
        folders(tmp_path, ENTRIES)


def test_the_table_has_a_cell_for_each_architecture_and_dataset() -> None:
    result: dict[str, Any] = {
        "model": {"name": "ResNet50_RAF-DB", "stand_in": False},
        "data": {"name": "RAF-DB/test", "sha256": "d"},
        "pictures": {"answered": 3068},
        "never_predicted": [],
        "claim": judge({"value": 0.7, "low": 0.68, "high": 0.72}, Claim(76.27, "RAF-DB"), 2.0, stand_in=False),
        **{key: {"value": 0.7, "low": 0.68, "high": 0.72} for key in ("accuracy", "macro_f1", "mean_recall")},
    }
    text = rows(table([result], ENTRIES))
    assert text[0] == ["accuracy", "FER2013", "RAF-DB", "CK+48"]
    assert text[2] == ["ResNet50", "–", "70.0 % (68.0 to 72.0) [claim 76.27, short]", "–"]
    assert np.array(text).shape == (4, 4)
