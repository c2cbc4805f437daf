"""What a reader must know before believing the figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from scripts.evaluation.asking import Served
from scripts.evaluation.duplicates import Look, look_at, pairs_between, pairs_within
from scripts.evaluation.folder import Data, Picture, pictures_below
from scripts.evaluation.label_order import find_permutation
from scripts.evaluation.metrics import Answers, never_predicted
from scripts.evaluation.people import on_both_sides, people, person
from scripts.evaluation.wording import counted, enumerated, percent, some
from scripts.labels import numbered

_FEW = 10  # pictures of a label, below which its recall says little

Warnings = list[dict[str, str]]


def all_warnings(
    served: Served, data: Data, training: Path | None, answers: Answers, pictures: Sequence[Picture]
) -> Warnings:
    """Every warning, the gravest first: what it is about, and a sentence. ``pictures`` are those with answers."""
    look = look_at([picture.path for picture in pictures])
    return [
        *_stand_in(served),
        *_label_order(answers),
        *_frame_level_split(served, pictures),
        *_training_pictures(training, pictures, look),
        *_both_labels(pictures),
        *_duplicates(pictures, look),
        *_labels(answers),
        *_folders(data, served),
    ]


def _stand_in(served: Served) -> Warnings:
    text = (
        f"{served.name} is a stand-in, not the network that models.json describes: these figures say nothing about "
        "that one."
    )
    return [_warning("stand-in", text)] if served.stand_in else []


def _label_order(answers: Answers) -> Warnings:
    found = find_permutation(answers)
    if not found:
        return []
    renamed = ", ".join(f"{said} means {meant}" for said, meant in found.renamed.items())
    known, held_known = (f" (the order of {name})" if name else "" for name in (found.known_as, found.held_known_as))
    text = (
        f"The labels look permuted: with other names accuracy would be {percent(found.accuracy)} instead of "
        f"{percent(float(answers.right.mean()))}. It seems that {renamed}. Either the network's outputs are in the "
        f"order {', '.join(found.order)}{known}: compare 'emotions' in models.json with the training. Or the folders "
        f"{', '.join(answers.labels)} hold pictures of {', '.join(found.held)}{held_known}: compare them with the "
        "data's description."
    )
    return [_warning("label order", text)]


def _frame_level_split(served: Served, pictures: Sequence[Picture]) -> Warnings:
    if served.entry.get("dataset") != "CK+48":
        return []
    text = (
        "Networks for CK+48 were trained on single frames drawn at random, and their accuracy was claimed for 99 "
        "others of the same persons. The folder does not say which: a run over it asks mostly about training pictures "
        "again, so these figures are no evidence for new faces."
    )
    names = people([picture.name for picture in pictures])
    if names:
        text += f" Here are {len(set(names))} persons; the intervals are those of persons, not of pictures."
    return [_warning("frame-level split", text)]


def _training_pictures(training: Path | None, pictures: Sequence[Picture], look: Look) -> Warnings:
    """Persons and pictures of the folder of training pictures that are evaluated too."""
    if training is None:
        return []
    paths = pictures_below(training)
    shared = on_both_sides([picture.name for picture in pictures], [path.name for path in paths])
    affected = sum(person(picture.name) in shared for picture in pictures)
    warnings = []
    if shared:
        here = counted(affected, "picture")
        text = f"In training pictures too: {counted(len(shared), 'person')} ({some(shared)}), who are on {here} here."
        warnings.append(_warning("persons on both sides", text))
    pairs = pairs_between(look, look_at(paths))
    seen = sorted({pictures[one].name for one, _ in pairs})
    if seen:
        text = f"Nearly the same as a training picture: {counted(len(seen), 'picture')} ({some(seen)})."
        warnings.append(_warning("training pictures", text))
    return warnings


def _both_labels(pictures: Sequence[Picture]) -> Warnings:
    labels = defaultdict(set)
    for picture in pictures:
        labels[picture.digest].add(picture.label)
    torn = [picture.name for picture in pictures if len(labels[picture.digest]) > 1]
    text = f"Under several labels, of which only one can count as right: {counted(len(torn), 'file')} ({some(torn)})."
    return [_warning("several labels", text)] if torn else []


def _duplicates(pictures: Sequence[Picture], look: Look) -> Warnings:
    pairs = pairs_within(look)
    if not pairs:
        return []
    alike = {place for pair in pairs for place in pair}
    examples = [f"{pictures[one].name} and {pictures[other].name}" for one, other in pairs[:3]]
    text = (
        f"{len(alike):,} of {len(pictures):,} pictures are nearly equal to another one, and count each: "
        f"{'; '.join(examples)}{'; …' if len(pairs) > 3 else ''}. The intervals are too narrow for that."
    )
    return [_warning("near-duplicates", text)]


def _labels(answers: Answers) -> Warnings:
    support = Counter(answers.truth.tolist())
    absent = [label for place, label in enumerate(answers.labels) if not support[place]]
    few = [label for place, label in enumerate(answers.labels) if 0 < support[place] < _FEW]
    silent = never_predicted(answers)
    warnings = []
    if silent:
        warnings.append(_warning("never predicted", f"The model never says {enumerated(silent)}."))
    if absent:
        text = f"The data have no picture of {enumerated(absent)}; macro-F1 and mean recall leave them out."
        warnings.append(_warning("absent labels", text))
    if few:
        warnings.append(_warning("few pictures", f"There are fewer than {_FEW} pictures of {enumerated(few)}."))
    return warnings


def _folders(data: Data, served: Served) -> Warnings:
    warnings = []
    if data.left_out:
        folders = ", ".join(f"{name} ({count:,})" for name, count in data.left_out.items())
        text = f"The model has no label for these folders, whose pictures were left out: {folders}."
        warnings.append(_warning("folders left out", text))
    if data.others:
        text = f"Left out, being no picture by the name: {counted(len(data.others), 'file')} ({some(data.others)})."
        warnings.append(_warning("other files", text))
    if numbered(data.meanings) and served.entry.get("dataset") != "RAF-DB":
        meant = ", ".join(f"{folder} is {label}" for folder, label in data.meanings.items())
        warnings.append(_warning("numbered folders", f"The folders' numbers were taken as RAF-DB's: {meant}."))
    return warnings


def _warning(about: str, text: str) -> dict[str, str]:
    return {"about": about, "text": text}
