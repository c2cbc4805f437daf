"""Recall by groups of people, from a table of the pictures: is the model worse for some?"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from scripts.evaluation import EvaluationError
from scripts.evaluation.intervals import holm, independence, wilson
from scripts.evaluation.metrics import Answers

_MOST = 12  # groups a column may have

Table = dict[str, dict[str, str]]


def read_groups(path: Path) -> Table:
    """The groups of each picture, by the name in the column ``file``; the other columns are the kinds of groups.

    Raises EvaluationError for a file that is no such table.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise EvaluationError(f"{path}: cannot be read ({error}); give a CSV file in UTF-8") from error
    kinds = [column for column in (rows[0] if rows else {}) if column and column != "file"]
    if not rows or "file" not in rows[0] or not kinds:
        raise EvaluationError(f"{path}: needs a column 'file' and one a kind of group, such as: file,age,gender")
    for kind in kinds:
        groups = {row[kind] for row in rows if row[kind]}
        if len(groups) > _MOST:
            raise EvaluationError(f"{path}: column {kind!r} has {len(groups)} groups; give ranges, {_MOST} at most")
    return {PurePath(row["file"]).as_posix(): {kind: (row[kind] or "").strip() for kind in kinds} for row in rows}


def by_group(answers: Answers, names: Sequence[str], table: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    """For each kind of group: accuracy of each group, recall of each label in it, and whether that differs by chance.

    A picture is found by its path below DATA, or else by its file's name alone. The p-values are corrected for
    the number of tests. Raises EvaluationError when the table has none of the pictures.
    """
    found = [table.get(name) or table.get(PurePath(name).name) for name in names]
    if not any(found):
        raise EvaluationError(
            f"The groups' table has none of the pictures; its column 'file' must be like {names[0]!r}"
        )
    kinds = sorted({kind for one in found if one for kind in one})
    result = {kind: _kind(answers, np.array([(one or {}).get(kind, "") for one in found])) for kind in kinds}
    tests = [test for kind in result.values() for test in kind["labels"]]
    for test, corrected in zip(tests, holm([test["p"] for test in tests]), strict=True):
        test["p_corrected"] = corrected
    return {"unknown_pictures": sum(one is None for one in found), "kinds": result}


def _kind(answers: Answers, of_picture: Any) -> dict[str, Any]:
    groups = sorted(set(of_picture) - {""})
    labels = []
    for place, label in enumerate(answers.labels):
        cases = [(group, answers.right[(answers.truth == place) & (of_picture == group)]) for group in groups]
        known = [(group, right) for group, right in cases if len(right)]
        if len(known) > 1:
            table = np.array([[int(right.sum()), int((~right).sum())] for _, right in known]).T
            recalls = {str(group): wilson(int(right.sum()), len(right)).to_json() for group, right in known}
            labels.append({"label": label, "recall": recalls, "p": independence(table)})
    accuracy = {}
    for group in groups:
        right = answers.right[of_picture == group]
        accuracy[str(group)] = {**wilson(int(right.sum()), len(right)).to_json(), "pictures": len(right)}
    return {"accuracy": accuracy, "labels": labels}
