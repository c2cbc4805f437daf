"""What a worker process does for one archive: read, convert, pack, check."""

from __future__ import annotations

import concurrent.futures
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from scripts.archives import fewer_bits, verification
from scripts.archives.answers import HANDLER, AnswersError
from scripts.archives.convert import convert
from scripts.archives.detector_network import convert_detector
from scripts.archives.face_detector import detector_file
from scripts.archives.fewer_bits import RefusedError, Wish, write_description
from scripts.archives.inputs import handler_files
from scripts.archives.pictures import PicturesError
from scripts.archives.quantisation import QuantisationError
from scripts.catalogue import ARCHITECTURES, Model
from scripts.checkpoints.digest_files import refuse_wrong_digest
from scripts.checkpoints.file_types import CheckpointError
from scripts.checkpoints.networks import load_network, with_temperature
from scripts.checkpoints.reading import Checkpoint, load_checkpoint
from scripts.errors import UserError
from scripts.files import sha256, signature
from scripts.pictures.drawing import FACE_MARGIN
from scripts.pool.tasks import Report
from scripts.precision import EXACT, PREPROCESSINGS, Gate
from scripts.store.digests import known_digest

# At the worst moment the disk holds the network's files, the archiver's copy of them, and the archive.
DISK_COPIES = 3


class PackingError(UserError):
    """An archive could not be made; the message names the model and says why."""


@dataclass(frozen=True)
class Order:
    """What to build and where. ``folder`` is empty and the worker's own; the archive is left in it.

    ``calibration`` is the folder of pictures or None, ``gate`` the fields of a Gate or None.
    """

    model: dict[str, Any]
    checkpoint: str
    store: str
    folder: str
    runtime: str
    version: str
    precision: str = EXACT
    preprocessing: str = PREPROCESSINGS[0]
    calibration: str | None = None
    gate: dict[str, Any] | None = None

    @property
    def wish(self) -> Wish:
        """What is asked for beyond float32."""
        calibration = Path(self.calibration) if self.calibration else None
        return Wish(self.precision, calibration, Gate(**self.gate) if self.gate else None, self.preprocessing)


@dataclass(frozen=True)
class Packed:
    """A checked archive: its file, what was read to make it, and what there is to say of fewer bits."""

    file: str
    sha256: str
    checkpoint_sha256: str
    checkpoint_signature: list[int]
    stand_in: bool
    note: str
    lines: list[str]
    proof: dict[str, Any] | None


def build_archive(order_fields: dict[str, Any], report: Report) -> dict[str, Any]:
    """Build and check one archive (a worker's task); takes the fields of an Order, returns those of a Packed.

    Or returns ``refused``, why one of fewer bits may not be used, and ``lines``, what was measured.
    Raises CheckpointError or PackingError.
    """
    order = Order(**order_fields)
    model = Model.from_json(order.model)
    try:
        return asdict(_build(order, model, report))
    except (RefusedError, PicturesError, QuantisationError) as error:
        return {"refused": f"{model.archive_file}: {error}", "lines": getattr(error, "lines", [])}
    except OSError as error:
        raise PackingError(f"{model.archive_file}: {_disk_trouble(error)}") from error


def _build(order: Order, model: Model, report: Report) -> Packed:
    checkpoint_path, folder = Path(order.checkpoint), Path(order.folder)
    _require_space(folder, model, checkpoint_path)
    report("reading")
    before = signature(checkpoint_path)
    checkpoint = load_checkpoint(checkpoint_path, model)
    checkpoint_sha256 = known_digest(Path(order.store), checkpoint_path) or sha256(checkpoint_path)
    refuse_wrong_digest(checkpoint_path, lambda: checkpoint_sha256)
    network = with_temperature(
        load_network(model.architecture, len(model.emotions), checkpoint.state_dict), model.temperature
    )
    report("converting")
    content = _exact_content(order, model, network, checkpoint, checkpoint_sha256)
    lines, proof = [], None
    if order.precision != EXACT:
        made = _in_fewer_bits(order, model, network, content, report)
        content, lines, proof = made.folder, made.lines, made.proof

    report("packing")
    archive = _pack(model, order, content, folder)
    if order.precision == EXACT:
        shutil.rmtree(content)

    report("checking")
    digest = _checked(order, model, network, archive, content)
    if signature(checkpoint_path) != before:
        raise CheckpointError(f"{checkpoint_path.name} changed while it was read; run `make archives` again")
    return Packed(
        file=str(archive),
        sha256=digest,
        checkpoint_sha256=checkpoint_sha256,
        checkpoint_signature=list(before),
        stand_in=checkpoint.stand_in,
        note=checkpoint.note,
        lines=lines,
        proof=proof,
    )


def _checked(order: Order, model: Model, network: Any, archive: Path, content: Path) -> str:
    """The SHA-256 of an archive that answers as it should. Raises PackingError for another."""
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        digest = threads.submit(sha256, archive)
        problem = _problem(order, model, network, archive, content)
        shutil.rmtree(Path(order.folder) / "unpacked", ignore_errors=True)
        if problem:
            raise PackingError(f"{model.archive_file}: {problem}; the archive before it stays")
        return digest.result()


def _exact_content(order: Order, model: Model, network: Any, checkpoint: Checkpoint, checkpoint_sha256: str) -> Path:
    """A folder with all that goes into the float32 archive."""
    content = Path(order.folder) / "content"
    content.mkdir()
    if order.runtime == "openvino":
        convert(network, content)
    else:
        torch.save(checkpoint.state_dict, content / "checkpoint.pt")
    write_description(content, _description(model, order, checkpoint.stand_in, checkpoint_sha256))
    for file in handler_files(order.runtime):
        shutil.copy(file, content)
    if detector := detector_file():
        convert_detector(detector, content)
    return content


def _problem(order: Order, model: Model, network: Any, archive: Path, content: Path) -> str | None:
    """What is wrong with the packed archive: beside torch in float32, beside its own content in fewer bits."""
    unpacked = Path(order.folder) / "unpacked"
    if order.precision == EXACT:
        return verification.difference(archive, model, network, unpacked)
    return verification.from_content(archive, model, content, unpacked)


def _in_fewer_bits(order: Order, model: Model, network: Any, exact: Path, report: Report) -> fewer_bits.Made:
    """The content of an archive of fewer bits, with its proof, after the float32 one was compared with torch."""
    if problem := verification.from_torch(exact, model, network):
        raise PackingError(f"{model.archive_file}: {problem}; the archive before it stays")
    try:
        made = fewer_bits.make(model, exact, order.wish, report)
    except AnswersError as error:
        raise PackingError(f"{model.archive_file}: {error}; the archive before it stays") from error
    description = {**fewer_bits.read_description(made.folder), "proof": made.proof}
    write_description(made.folder, description)
    return made


def _description(model: Model, order: Order, stand_in: bool, checkpoint_sha256: str) -> dict[str, Any]:
    """``model.json``: what the handler needs to know."""
    return {
        "model": model.name,
        **{key: value for key, value in model.entry.items() if key != "name"},
        "torchvision_name": ARCHITECTURES[model.architecture].torchvision_name,
        **({"face_margin": FACE_MARGIN} if stand_in else {}),
        "stand_in": stand_in,
        "runtime": order.runtime,
        "precision": EXACT,
        **({} if model.temperature is None else {"temperature": model.temperature}),
        "version": order.version,
        "checkpoint_sha256": checkpoint_sha256,
    }


def _pack(model: Model, order: Order, content: Path, folder: Path) -> Path:
    """Run torch-model-archiver inside ``content``: commas and brackets of a clone's path would mean something to it."""
    extra = sorted(file.name for file in content.iterdir() if file.name not in (HANDLER, "model-config.yaml"))
    temporary = folder / "tmp"
    temporary.mkdir()
    command = [sys.executable, "-m", "model_archiver.model_packaging"]
    command += ["--model-name", model.archive_name, "--version", order.version, "--export-path", ".."]
    command += ["--handler", HANDLER, "--config-file", "model-config.yaml"]
    command += ["--extra-files", ",".join(extra), "--archive-format", "zip-store"]
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": ""}
    run = subprocess.run(command, cwd=content, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        print(run.stderr, file=sys.stderr)
        if "No space left" in run.stderr:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        raise PackingError(f"{model.archive_file}: torch-model-archiver failed: {run.stderr.strip().splitlines()[-1]}")
    temporary.rmdir()
    return folder / model.archive_file


def _require_space(folder: Path, model: Model, checkpoint: Path) -> None:
    need = DISK_COPIES * checkpoint.stat().st_size
    free = shutil.disk_usage(folder).free
    if free < need:
        raise PackingError(
            f"{model.archive_file}: the model store's disk has {free // 1_000_000} MB free, packing needs "
            f"{need // 1_000_000} MB; free some space and run `make archives` again"
        )


def _disk_trouble(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the model store's disk is full; free some space and run `make archives` again"
    return f"the model store cannot be written ({error.strerror}); check its rights and run `make archives` again"
