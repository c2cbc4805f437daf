"""Check an archive before it is served: unpack it, let TorchServe's own loader load it, compare it with torch.

One of fewer bits is compared with what its files answered before they were packed; these passed the gate.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scripts.archives.answers import AnswersError, ask
from scripts.catalogue import Model
from scripts.probes import probe_files

TOLERANCE = 1e-4
PROBE_SEED = 20_000


def difference(archive: Path, model: Model, network: Any, folder: Path) -> str | None:
    """Say how the archive's answers differ from torch's, or return None.

    ``network`` is the torch network of the same checkpoint; ``folder`` is where the archive is unpacked.
    """
    return _unpack(archive, folder) or from_torch(folder, model, network)


def from_torch(folder: Path, model: Model, network: Any) -> str | None:
    """The same of an archive's content in ``folder``."""
    from PIL import Image

    from scripts.checkpoints.networks import reference_probabilities

    try:
        answers = probe_answers(folder, model)
    except AnswersError as error:
        return str(error)
    images = [Image.open(io.BytesIO(data)) for data in probe_files(PROBE_SEED).values()]
    rows = reference_probabilities(network, images).tolist()
    return _compare(answers, [dict(zip(model.emotions, row, strict=True)) for row in rows], "torch says")


def from_content(archive: Path, model: Model, content: Path, folder: Path) -> str | None:
    """Say how the archive's answers differ from those of the files it was packed from, which lie in ``content``."""
    if problem := _unpack(archive, folder):
        return problem
    try:
        answers, before = probe_answers(folder, model), probe_answers(content, model)
    except AnswersError as error:
        return str(error)
    return _compare(answers, [answer.get("predictions", {}) for answer in before], "before it was packed it was")


def probe_answers(folder: Path, model: Model) -> list[dict[str, Any]]:
    """What the archive in ``folder`` answers to the probes. Raises AnswersError."""
    files = []
    for name, data in probe_files(PROBE_SEED).items():
        files.append(folder / f"probe-{name}")
        files[-1].write_bytes(data)
    try:
        return ask(folder, model.archive_name, files).of_files
    finally:
        for file in files:
            file.unlink()


def _unpack(archive: Path, folder: Path) -> str | None:
    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)  # checks each file's CRC
    except zipfile.BadZipFile as error:
        return f"it does not unpack ({error})"
    return None


def _compare(answers: Sequence[dict[str, Any]], expected: Sequence[dict[str, float]], other: str) -> str | None:
    for name, answer, row in zip(probe_files(PROBE_SEED), answers, expected, strict=True):
        if problem := _difference(answer, row, other):
            return f"{name}: {problem}"
    return None


def _difference(answer: dict[str, Any], expected: dict[str, float], other: str) -> str | None:
    predictions = answer.get("predictions")
    if not isinstance(predictions, dict):
        return f"it answers {answer.get('error', answer)}"
    if predictions.keys() != expected.keys():
        return f"it answers the labels {', '.join(predictions)}"
    label = max(expected, key=lambda label: abs(predictions[label] - expected[label]))
    distance = abs(predictions[label] - expected[label])
    if not distance <= TOLERANCE:
        return f"{label} is {predictions[label]:.6f}, {other} {expected[label]:.6f} (tolerance {TOLERANCE})"
    return None
