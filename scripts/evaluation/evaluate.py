"""One model on one folder of pictures: ask, judge, compare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from rich.console import Console

from scripts.ensembles import Ensemble
from scripts.evaluation import EvaluationError, ensemble, face_margin, temperature
from scripts.evaluation.asking import NewService, Served, ask_all, served
from scripts.evaluation.checks import all_warnings
from scripts.evaluation.claim import Claim, judge
from scripts.evaluation.comparison import compare, said
from scripts.evaluation.cutting import Cutter, cut_out
from scripts.evaluation.folder import Data, Picture, read_data, training_beside
from scripts.evaluation.groups import by_group, read_groups
from scripts.evaluation.journal import Journal, Outcome, recorded, same_model
from scripts.evaluation.metrics import Answers, calibration, headline, latency, never_predicted, per_class
from scripts.evaluation.people import people
from scripts.files import exclusive

FORMAT = 1  # of the JSON file; a change that a reader would stumble over raises it
MISTAKES = 24

Outcomes = dict[str, Outcome]


@dataclass(frozen=True)
class Options:
    """How to evaluate. ``against`` is a model, or with ``:`` a version of one; ``margin`` is in points of percent."""

    clients: int = 8
    margin: float = 2.0
    training: Path | None = None
    groups: Path | None = None
    against: str | None = None
    fit_temperature: bool = False
    fit_weights: bool = False
    fit_margin: bool = False


@dataclass(frozen=True)
class Evaluator:
    """Evaluates models of one service; ``folder`` keeps the answers and the reports."""

    new_service: NewService
    folder: Path
    options: Options
    console: Console

    def evaluate(self, name: str, folder: Path, claim: Claim | None, margin: float | None) -> dict[str, Any]:
        """The figures of a model on the pictures in ``folder``, as JSON has them.

        ``claim`` and ``margin``, that around a face, are what models.json has of the model.

        Raises EvaluationError or PredictError when it cannot be evaluated.
        """
        model = served(self.new_service(), name)
        data = read_data(folder, model.labels)
        table = read_groups(self.options.groups) if self.options.groups else None
        outcomes = self._ask(model, data)
        pictures = [picture for picture in data.pictures if outcomes[picture.digest].probabilities]
        if not pictures:
            raise EvaluationError(f"{folder}: the service reads none of its pictures: {_first_refusal(data, outcomes)}")
        answers = _answers(model, pictures, outcomes)
        training = self.options.training or training_beside(folder)
        result = _figures(model, data, pictures, answers, outcomes, self.options.clients)
        result["claim"] = judge(result["accuracy"], claim, self.options.margin, model.stand_in)
        result["warnings"] = all_warnings(model, data, training, answers, pictures)
        result["groups"] = by_group(answers, [picture.name for picture in pictures], table) if table else None
        result["temperature"] = None
        if self.options.fit_temperature:
            digests = [picture.digest for picture in pictures]
            result["temperature"] = temperature.fit(answers, digests, float(model.entry.get("temperature", 1)))
        result["face_margin"] = self._face_margin(model, data, pictures, margin) if self.options.fit_margin else None
        result["ensemble"] = self._ensemble(model, data, pictures, answers, outcomes)
        result["against"] = self._against(model, data, pictures, outcomes) if self.options.against else None
        return result

    def _ask(self, model: Served, data: Data) -> Outcomes:
        """What the model says to each file, by the file's digest; asked now or before."""
        journal_file = self.journal(model.name)
        journal_file.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(journal_file.parent), Journal(journal_file, model.identity) as journal:
            ask_all(self.new_service, model.name, data.pictures, journal, self.options.clients, self.console)
            return journal.outcomes

    def journal(self, name: str) -> Path:
        """The file with the answers of a model."""
        return self.folder / "answers" / f"{name}.jsonl"

    def _against(self, model: Served, data: Data, pictures: Sequence[Picture], outcomes: Outcomes) -> dict[str, Any]:
        name, _, version = str(self.options.against).partition(":")
        other = self._recorded(model, name, version) if version else self._ask(served(self.new_service(), name), data)
        both = [one for one in pictures if (found := other.get(one.digest)) and found.probabilities]
        if not both:
            raise EvaluationError(
                f"--against {self.options.against}: no answers of it about these pictures are recorded; "
                f"evaluate {name} on them while that version serves"
            )
        first, second = ([said(each[one.digest].probabilities or {}) for one in both] for each in (outcomes, other))
        names, truth = [one.name for one in both], [one.label for one in both]
        return compare(names, truth, first, second, str(self.options.against))

    def _face_margin(
        self, model: Served, data: Data, pictures: Sequence[Picture], served_margin: float | None
    ) -> dict[str, Any]:
        """The margin that suits the model, by its answers about the faces of the pictures cut out at several."""
        if "ensemble" in model.entry:
            raise EvaluationError(f"--fit-margin: {model.name} is an ensemble; fit the margins of its members")
        faces = Cutter().faces(pictures)
        with_face = [picture for picture in pictures if picture.name in faces]
        if not with_face:
            raise EvaluationError(f"--fit-margin: no face is found in the pictures of {data.folder}")
        own = face_margin.DEFAULT if served_margin is None else served_margin
        answers = {}
        for margin in sorted({*face_margin.MARGINS, own}):
            with TemporaryDirectory(dir=self.folder) as folder:
                cuts = list(cut_out(with_face, faces, margin, Path(folder)))
                answers[margin] = _answers(model, cuts, self._ask(model, replace(data, pictures=tuple(cuts))))
        fitted = face_margin.fit(answers, [picture.digest for picture in with_face], own)
        return {**fitted, "without_face": len(pictures) - len(with_face)}

    def _ensemble(
        self, model: Served, data: Data, pictures: Sequence[Picture], answers: Answers, outcomes: Outcomes
    ) -> dict[str, Any] | None:
        """What an ensemble gains over its members, asked about the same pictures; None for any other model."""
        if "ensemble" not in model.entry:
            if self.options.fit_weights:
                raise EvaluationError(f"--fit-weights: {model.name} is no ensemble; only an ensemble has weights")
            return None
        own = Ensemble.from_entry(model.name, model.entry)
        members = {name: self._ask(served(self.new_service(), name), data) for name in own.members}
        both = [one for one in pictures if all(each[one.digest].probabilities for each in members.values())]
        found = ensemble.gain(own, both, outcomes, members)
        if self.options.fit_weights:
            found["fitted"] = ensemble.fit(own, _answers(model, both, outcomes), both, members)
        return found

    def _recorded(self, model: Served, name: str, version: str) -> Outcomes:
        """What was recorded of a version, the last of that name that is not the one that serves now."""
        found: Outcomes = {}
        for identity, outcomes in recorded(self.journal(name)):
            if identity["version"] == version and not same_model(identity, model.identity):
                found = {**found, **outcomes}
        return found


def _answers(model: Served, pictures: Sequence[Picture], outcomes: Outcomes) -> Answers:
    labels = tuple(model.labels)
    probabilities = [outcomes[picture.digest].probabilities or {} for picture in pictures]
    known = people([picture.name for picture in pictures])
    return Answers(
        labels,
        np.array([labels.index(picture.label) for picture in pictures], dtype=np.int64),
        np.array([[each[label] for label in labels] for each in probabilities]),
        np.array(known) if known else None,
    )


def _figures(
    model: Served, data: Data, pictures: Sequence[Picture], answers: Answers, outcomes: Outcomes, clients: int
) -> dict[str, Any]:
    refused = {one.name: str(outcomes[one.digest].refusal) for one in data.pictures if outcomes[one.digest].refusal}
    unreadable = {**data.unreadable, **refused}
    times = [float(outcomes[picture.digest].milliseconds or 0) for picture in pictures]
    entry = {key: model.entry[key] for key in ("architecture", "dataset") if key in model.entry}
    return {
        "format": FORMAT,
        "made": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "model": {**{key: value for key, value in model.identity.items() if key != "probe"}, **entry},
        "data": {"name": data.name, "sha256": data.digest, "folders": data.meanings},
        "pictures": {
            "answered": len(pictures),
            "unreadable": [{"file": name, "reason": reason} for name, reason in sorted(unreadable.items())],
            "left_out": data.left_out,
            "other_files": list(data.others),
        },
        **{name: estimate.to_json() for name, estimate in headline(answers).items()},
        "never_predicted": never_predicted(answers),
        "classes": per_class(answers),
        "confusion": {"labels": list(answers.labels), "counts": answers.confusion.tolist()},
        "calibration": calibration(answers),
        "latency": latency(times, clients),
        "mistakes": _worst(answers, pictures),
    }


def _worst(answers: Answers, pictures: Sequence[Picture]) -> list[dict[str, Any]]:
    """The wrong answers that the model was the surest of."""
    wrong = np.flatnonzero(~answers.right)
    order = wrong[np.argsort(-answers.confidence[wrong], kind="stable")][:MISTAKES]
    return [
        {
            "file": pictures[place].name,
            "label": pictures[place].label,
            "predicted": answers.labels[answers.predicted[place]],
            "confidence": round(float(answers.confidence[place]), 4),
        }
        for place in order
    ]


def _first_refusal(data: Data, outcomes: Outcomes) -> str:
    return next(f"{one.name}: {outcomes[one.digest].refusal}" for one in data.pictures)
