"""A float32 network to one of 8 bits, with the pictures that tell how large its values are (NNCF)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.archives.answers import ask
from scripts.archives.pictures import Pictures
from scripts.catalogue import Model
from scripts.checkpoints.libraries import import_openvino
from scripts.errors import UserError

# What may be lost of the same answers on the pictures that it is quantised with, where layers are left in float32.
_MAX_DROP = 0.01
# Pictures by which the layers are ranked: it takes a run over them for each layer.
_RANKING = 60

Faces = npt.NDArray[np.uint8]


class QuantisationError(UserError):
    """The network cannot be quantised; the message says why and what to do."""


def quantise(model: Model, exact: Path, place: Path, pictures: Pictures, *, careful: bool) -> None:
    """Replace the network's files in ``place`` by those of 8 bits; ``exact`` has the archive's float32 files.

    The preset is mixed: activations symmetric behind a ReLU, else asymmetric. With ``careful`` the layers that cost
    most are left in float32, until the answers to ``pictures`` are the same as before but for one in a hundred.
    Raises QuantisationError where NNCF is missing or cannot do it.
    """
    nncf = _nncf()
    openvino = import_openvino()
    faces = _faces(model, exact, pictures)
    network = openvino.Core().read_model(exact / "network.xml")
    data = nncf.Dataset([face[None] for face in faces])
    options = {"preset": nncf.QuantizationPreset.MIXED, "subset_size": len(faces)}
    try:
        if careful:
            small = _with_accuracy_control(nncf, network, data, faces, options)
        else:
            small = nncf.quantize(network, data, **options)
    except Exception as error:  # NNCF raises whatever its graph algorithms lead it to
        reason = " ".join(str(error).split())
        raise QuantisationError(f"NNCF cannot quantise this network ({reason}); build it in bf16 or f32") from error
    for name in ("network.xml", "network.bin"):
        (place / name).unlink()  # a link to the float32 file, which stays
    openvino.save_model(small, place / "network.xml", compress_to_fp16=False)


def _with_accuracy_control(nncf: Any, network: Any, data: Any, faces: Faces, options: dict[str, Any]) -> Any:
    """Quantise, then take back the layers whose rounding changes the answers most."""
    compiled = import_openvino().Core().compile_model(network, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    tops = [int(compiled([face[None]])[0].argmax()) for face in faces]

    def same_answers(candidate: Any, chosen: Any) -> tuple[float, list[Any]]:
        rows = [np.asarray(candidate(face)[0]) for face in chosen]
        if len(rows) != len(tops):  # a part of the pictures, by which the layers are ranked; only the rows count there
            return 0.0, rows
        return sum(int(row.argmax()) == top for row, top in zip(rows, tops, strict=True)) / len(tops), rows

    parameters = nncf.AdvancedAccuracyRestorerParameters(ranking_subset_size=min(_RANKING, len(faces) - 1))
    return nncf.quantize_with_accuracy_control(
        network,
        data,
        data,
        same_answers,
        max_drop=_MAX_DROP,
        advanced_accuracy_restorer_parameters=parameters,
        **options,
    )


def _faces(model: Model, exact: Path, pictures: Pictures) -> Faces:
    """What the worker's own preprocessing makes of the pictures."""
    file = exact / "faces.npy"
    try:
        ask(exact, model.archive_name, pictures.files, faces=file)
        faces: Faces = np.load(file)
    finally:
        file.unlink(missing_ok=True)
    if len(faces) < 2:
        raise QuantisationError(f"{pictures.place} has no pictures that can be read")
    return faces


def _nncf() -> Any:
    import_openvino()  # keeps telemetry away from NNCF too
    try:
        import nncf
    except ImportError as error:
        raise QuantisationError(
            "int8 needs NNCF, which only the build uses: `make archives PRECISION=int8 CALIBRATION=folder` installs "
            "it, and so does `.venv/bin/pip install -r requirements-quantize.txt`"
        ) from error
    nncf.set_log_level(30)
    return nncf
