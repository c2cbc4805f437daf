"""Check an archive before it is served: unpack it, let TorchServe's own loader load it, compare it with torch.

The archive runs in a process of its own (this module's ``main``), with its folder on the path, as in a worker.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from scripts.catalogue import Model
from scripts.child_environment import child_environment
from scripts.probes import probe_files

TOLERANCE = 1e-4
PROBE_SEED = 20_000
TIMEOUT = 300  # seconds; loading takes one or two


def difference(archive: Path, model: Model, network: Any, folder: Path) -> str | None:
    """Say how the archive's answers differ from torch's, or return None.

    ``network`` is the torch network of the same checkpoint; ``folder`` is where the archive is unpacked.
    """
    from PIL import Image

    from scripts.checkpoints.networks import reference_probabilities

    try:
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)  # checks each file's CRC
    except zipfile.BadZipFile as error:
        return f"it does not unpack ({error})"
    probes = probe_files(PROBE_SEED)
    answers = _answers(folder, model, probes)
    if isinstance(answers, str):
        return answers
    expected = reference_probabilities(network, [Image.open(io.BytesIO(data)) for data in probes.values()])
    for name, answer, row in zip(probes, answers, expected.tolist(), strict=True):
        problem = _compare(answer, dict(zip(model.emotions, row, strict=True)))
        if problem:
            return f"{name}: {problem}"
    return None


def _answers(folder: Path, model: Model, probes: dict[str, bytes]) -> list[dict[str, Any]] | str:
    """The handler's answers to the probes, or what went wrong."""
    for name, data in probes.items():
        (folder / f"probe-{name}").write_bytes(data)
    # Without what a stack's settings make of images.
    environment = child_environment(PYTHONPATH=os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
    command = [sys.executable, "-m", "scripts.archives.verification", str(folder), model.archive_name, *probes]
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        return f"it does not load within {TIMEOUT} s"
    if run.returncode:
        print(run.stderr, file=sys.stderr)
        return f"it does not load: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}"
    answers: list[dict[str, Any]] = json.loads((folder / "answers.json").read_text(encoding="utf-8"))
    return answers


def _compare(answer: dict[str, Any], expected: dict[str, float]) -> str | None:
    predictions = answer.get("predictions")
    if not isinstance(predictions, dict):
        return f"it answers {answer.get('error', answer)}"
    if predictions.keys() != expected.keys():
        return f"it answers the labels {', '.join(predictions)}"
    label = max(expected, key=lambda label: abs(predictions[label] - expected[label]))
    distance = abs(predictions[label] - expected[label])
    if not distance <= TOLERANCE:
        return f"{label} is {predictions[label]:.6f}, torch says {expected[label]:.6f} (tolerance {TOLERANCE})"
    return None


def main(argv: list[str]) -> int:
    """Load the archive unpacked in ``argv[0]`` and answer its probes into ``answers.json`` there."""
    import ts
    from ts.context import RequestProcessor
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
    from ts.model_loader import ModelLoaderFactory

    folder, name, *probes = argv
    manifest = json.loads((Path(folder) / "MAR-INF" / "MANIFEST.json").read_text(encoding="utf-8"))
    metrics = MetricsCacheYamlImpl(str(Path(ts.__file__).parent / "configs" / "metrics.yaml"))
    metrics.initialize_cache()
    service = ModelLoaderFactory.get_model_loader().load(
        name, folder, manifest["model"]["handler"], None, len(probes), None, True, metrics
    )
    context = service.context
    context.request_ids = dict(enumerate(probes))
    context.request_processor = [RequestProcessor({}) for _ in probes]
    images = [{"body": bytearray((Path(folder) / f"probe-{probe}").read_bytes())} for probe in probes]
    answers = [json.loads(answer) for answer in service._entry_point(images, context)]
    (Path(folder) / "answers.json").write_text(json.dumps(answers), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
