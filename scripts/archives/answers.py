"""What an unpacked archive answers: TorchServe's own loader loads it and it gets images in batches, as in a worker.

This happens in a process of its own (this module's ``main``), with the archive's folder on the path.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.child_environment import child_environment
from scripts.errors import UserError

HANDLER = "emotion_handler.py"
LOADING_SECONDS = 300  # it takes one or two
_IMAGE_SECONDS = 5
_TIMED = 15


class AnswersError(UserError):
    """The archive cannot be asked; the message is the rest of a sentence that begins with its name."""


@dataclass(frozen=True)
class Answers:
    """The handler's JSON answer to each file, and the milliseconds that its network takes for one image."""

    of_files: list[dict[str, Any]]
    milliseconds: float | None


def ask(
    folder: Path, archive_name: str, files: Sequence[Path], *, faces: Path | None = None, timed: bool = False
) -> Answers:
    """Let the archive unpacked in ``folder`` answer ``files``; the first of them is timed if ``timed``.

    ``faces`` is a file that gets what the preprocessing makes of those that can be decoded, instead of answers: uint8
    (N, 224, 224, 3), as ``numpy.save`` writes it. Raises AnswersError.
    """
    order, answer = folder / "order.json", folder / "answers.json"
    order.write_text(json.dumps({"files": [str(file) for file in files], "faces": str(faces or ""), "timed": timed}))
    # Without what a stack's settings make of images. What lies in the folder is packed, so nothing is compiled into it.
    path = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
    environment = child_environment(PYTHONPATH=path, PYTHONDONTWRITEBYTECODE="1")
    command = [sys.executable, "-m", "scripts.archives.answers", str(folder), archive_name]
    seconds = LOADING_SECONDS + _IMAGE_SECONDS * len(files)
    try:
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=seconds)
        if run.returncode:
            print(run.stderr, file=sys.stderr)
            raise AnswersError(f"it does not load: {(run.stderr.strip().splitlines() or ['no reason given'])[-1]}")
        return Answers(**json.loads(answer.read_text(encoding="utf-8")))
    except subprocess.TimeoutExpired as error:
        raise AnswersError(f"it does not load within {LOADING_SECONDS} s, or takes longer for an image") from error
    finally:
        order.unlink()
        answer.unlink(missing_ok=True)


def main(argv: list[str]) -> int:
    """Load the archive unpacked in ``argv[0]``, called ``argv[1]``, and do what its ``order.json`` says."""
    folder, name = Path(argv[0]), argv[1]
    order = json.loads((folder / "order.json").read_text(encoding="utf-8"))
    files = [Path(file) for file in order["files"]]
    service, batch_size = _load(folder, name)
    batches = [files[start : start + batch_size] for start in range(0, len(files), batch_size)]
    if order["faces"]:
        import numpy as np

        decoded = [face for batch in batches for face in _handler(service).preprocess(_requests(batch))]
        arrays = [face for face in decoded if isinstance(face, np.ndarray)]
        np.save(order["faces"], np.stack(arrays) if arrays else np.zeros((0, 224, 224, 3), np.uint8))
        return _finish(folder, [], None)
    answers = [answer for batch in batches for answer in _answer(service, batch)]
    return _finish(folder, answers, _milliseconds(service, files[0]) if order["timed"] else None)


def _load(folder: Path, name: str) -> tuple[Any, int]:
    """TorchServe's service around the handler, and the batch size that the archive asks for.

    ``folder`` may also be what an archive will be packed from, which has no manifest yet.
    """
    import ts
    import yaml
    from ts.metrics.metric_cache_yaml_impl import MetricsCacheYamlImpl
    from ts.model_loader import ModelLoaderFactory

    manifest = folder / "MAR-INF" / "MANIFEST.json"
    packed = manifest.is_file()
    handler = json.loads(manifest.read_text(encoding="utf-8"))["model"]["handler"] if packed else HANDLER
    configuration = yaml.safe_load((folder / "model-config.yaml").read_text(encoding="utf-8"))
    metrics = MetricsCacheYamlImpl(str(Path(ts.__file__).parent / "configs" / "metrics.yaml"))
    metrics.initialize_cache()
    loader, size = ModelLoaderFactory.get_model_loader(), int(configuration["batchSize"])
    service = loader.load(name, str(folder), handler, None, size, None, True, metrics)
    return service, size


def _answer(service: Any, files: Sequence[Path]) -> list[dict[str, Any]]:
    from ts.context import RequestProcessor

    context = service.context
    context.request_ids = {index: file.name for index, file in enumerate(files)}
    context.request_processor = [RequestProcessor({}) for _ in files]
    return [json.loads(answer) for answer in service._entry_point(_requests(files), context)]


def _requests(files: Sequence[Path]) -> list[dict[str, bytearray]]:
    return [{"body": bytearray(file.read_bytes())} for file in files]


def _handler(service: Any) -> Any:
    return service._entry_point.__self__


def _milliseconds(service: Any, file: Path) -> float:
    """What one decoded image takes in the engine, as a median."""
    handler = _handler(service)
    faces = handler.preprocess(_requests([file]))
    seconds = []
    for _ in range(_TIMED):
        start = time.perf_counter()
        handler.inference(faces)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) * 1000


def _finish(folder: Path, answers: list[dict[str, Any]], milliseconds: float | None) -> int:
    content = {"of_files": answers, "milliseconds": milliseconds}
    (folder / "answers.json").write_text(json.dumps(content), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
