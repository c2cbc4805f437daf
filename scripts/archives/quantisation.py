"""A float32 network to one of 8 bits, with the pictures that tell how large its values are (NNCF)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from scripts.archives.answers import ask
from scripts.archives.network_files import save_network
from scripts.archives.pictures import CALIBRATING, Pictures
from scripts.catalogue import Model
from scripts.checkpoints.libraries import import_openvino
from scripts.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Faces = npt.NDArray[np.uint8]

# What is left in float32 in one attempt after the other: this part of the layers, from the first, which see the picture
# itself and lose most.
EXACT_SHARES: Final = (0.0, 1 / 6, 1 / 4)
_LAYERS = ("Convolution", "GroupConvolution", "MatMul")


class QuantisationError(UserError):
    """The network cannot be quantised; the message says why and what to do."""


def quantise(model: Model, exact: Path, place: Path, pictures: Pictures, exact_share: float) -> None:
    """Replace the network's files in ``place`` by those of 8 bits; ``exact`` has the archive's float32 files.

    The preset is mixed: activations symmetric behind a ReLU, else asymmetric; their ranges are chosen by histograms,
    which on MobileNetV2 moves probabilities a quarter less than by extremes. The first layers are left in float32, as
    many as ``exact_share`` says. On 1,200 drawn faces the probabilities of MobileNetV2's stand-in moved by 0.0107 on
    average with none, by 0.0095 with 8 of its 53 layers, and by 0.0052 with 14; leaving out three, or all that are
    depthwise, or NNCF's slower correction of biases did not help. NNCF's accuracy control is not used: that of version
    3.4.0 ended in a division by zero on MobileNetV2.
    Raises QuantisationError where NNCF is missing or cannot do it.
    """
    nncf = _nncf()
    openvino = import_openvino()
    faces = _faces(model, exact, pictures)
    network = openvino.Core().read_model(exact / "network.xml")
    try:
        small = nncf.quantize(
            network, nncf.Dataset([face[None] for face in faces]), **_options(nncf, network, exact_share)
        )
    except Exception as error:  # NNCF raises whatever its graph algorithms lead it to
        reason = " ".join(str(error).split())
        raise QuantisationError(f"NNCF cannot quantise this network ({reason}); build it in bf16 or f32") from error
    for name in ("network.xml", "network.bin"):
        (place / name).unlink()  # a link to the float32 file, which stays
    save_network(small, place / "network.xml")


def _options(nncf: Any, network: Any, exact_share: float) -> dict[str, Any]:
    histogram = nncf.quantization.range_estimator.RangeEstimatorParametersSet.HISTOGRAM
    options = {
        "preset": nncf.QuantizationPreset.MIXED,
        "subset_size": CALIBRATING,
        "advanced_parameters": nncf.AdvancedQuantizationParameters(activations_range_estimator_params=histogram),
    }
    if exact_share:
        layers = [node.get_friendly_name() for node in network.get_ordered_ops() if node.get_type_name() in _LAYERS]
        options["ignored_scope"] = nncf.IgnoredScope(names=layers[: int(len(layers) * exact_share)])
    return options


def _faces(model: Model, exact: Path, pictures: Pictures) -> Faces:
    """What the worker's own preprocessing makes of the pictures."""
    import numpy as np  # not at the top: every start of the stack comes by here

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
            "it, and so does `.venv/bin/pip install -r requirements/quantize.txt`"
        ) from error
    nncf.set_log_level(30)
    return nncf
