"""BlazeFace's full range network, computed by OpenVINO out of the TensorFlow Lite file as Google publishes it.

The file takes 192 by 192 pixels. All of its layers are convolutions, so it computes pictures of other sizes too once
the sizes that are written into its three enlarging layers become factors: a landscape needs no black bars, and a larger
input finds smaller faces.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from face_boxes import Floats

FILE: Final = "face_detection_full_range_sparse.tflite"
# The sides of an input are multiples of this: the network halves it five times.
MULTIPLE: Final = 32
# Pixels from -1 to 1, as MediaPipe's face_detection_full_range.pbtxt gives them to the network.
_MIDDLE: Final = 127.5


class FaceNetwork:
    """The network, on one core for each thread that asks. Loading takes a tenth of a second, and some 20 MB."""

    def __init__(self, file: Path, threads: int) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # see engine.py
        import openvino

        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": "f32", "ENABLE_CPU_PINNING": False}
        options |= {"NUM_STREAMS": threads, "INFERENCE_NUM_THREADS": threads}
        self._compiled = core.compile_model(_any_size(core.read_model(file)), "CPU", options)
        self._own = threading.local()

    def infer(self, pixels: npt.NDArray[np.uint8]) -> tuple[Floats, Floats]:
        """Compute an RGB picture of shape (height, width, 3), both multiples of MULTIPLE.

        Returns regressors (N, 16) and raw scores (N,) for N anchors, see ``face_boxes.decode``.
        """
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        request = self._own.request
        request.infer([pixels[None]])
        outputs = [request.get_output_tensor(index).data for index in range(2)]
        regressors, scores = sorted(outputs, key=lambda output: -output.shape[-1])
        return regressors.reshape(-1, 16).copy(), scores.reshape(-1).copy()


def _any_size(model: Any) -> Any:
    """The ``openvino.Model`` for bytes of any size, without the final layers that make lists of its maps."""
    import openvino
    from openvino import opset13
    from openvino.preprocess import PrePostProcessor

    for node in model.get_ordered_ops():
        if node.get_type_name() == "Interpolate":
            twice = opset13.constant(np.array([2, 2], np.float32))
            given = node.get_attributes()
            kept = {name: given[name] for name in ("mode", "coordinate_transformation_mode", "nearest_mode")}
            larger = opset13.interpolate(
                node.input_value(0), twice, shape_calculation_mode="scales", axes=node.input_value(2), **kept
            )
            node.output(0).replace(larger.output(0))
    maps = [result.input_value(0).get_node().input_value(0) for result in model.get_results()]
    free = openvino.Model(maps, model.get_parameters(), "faces")
    free.reshape([1, -1, -1, 3])
    steps = PrePostProcessor(free)
    steps.input().tensor().set_element_type(openvino.Type.u8)
    steps.input().preprocess().convert_element_type(openvino.Type.f32).mean(_MIDDLE).scale(_MIDDLE)
    return steps.build()
