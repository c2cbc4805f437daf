"""BlazeFace's full range network, computed by OpenVINO: ``scripts/archives/face_detector.py`` makes its files."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Final

from face_boxes import Floats
from face_canvas import SIDE, Canvas
from heap import give_back

FILE: Final = "face_detector.xml"  # and .bin
# So many cores share a stream, which takes some 9 MB.
_CORES_A_STREAM: Final = 4
# So many compute a canvas: more hardly speed it up. Of two or three cores only one does: OpenVINO's second thread spins
# while it waits, which costs a busy worker 2 ms of processor time a picture and makes none of them sooner.
_CORES_A_CANVAS: Final = 2


class FaceNetwork:
    """The network for a canvas. Loading takes a fifth of a second; a worker then holds some 17 MB more.

    On processors with instructions for 16 bits it computes in bf16, which takes two thirds of the time and finds the
    same faces (docs/faces.md); on others in float32. ``cores`` is how many there are.
    """

    def __init__(self, file: Path, cores: int) -> None:
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # see engine.py
        import openvino

        core = openvino.Core()
        model = core.read_model(file)
        model.reshape([1, SIDE, SIDE, 3])
        streams = max(1, cores // _CORES_A_STREAM)
        bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options = {
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
            "ENABLE_CPU_PINNING": False,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": max(1, min(cores // 2, _CORES_A_CANVAS * streams)),
        }
        self._compiled = core.compile_model(model, "CPU", options)
        self._own = threading.local()
        del model, core
        give_back()

    def infer(self, canvas: Canvas) -> tuple[Floats, Floats]:
        """Compute a canvas: uint8 (SIDE, SIDE, 3), RGB.

        Returns regressors (N, 16) and raw scores (N,) for N anchors, see ``face_boxes.decode``: OpenVINO's own memory,
        which this thread's next call overwrites.
        """
        if not hasattr(self._own, "request"):
            self._own.request = self._compiled.create_infer_request()
        request = self._own.request
        request.infer([canvas[None]], share_inputs=True, share_outputs=True)
        outputs = [request.get_output_tensor(index).data for index in range(2)]
        regressors, scores = sorted(outputs, key=lambda output: -output.shape[-1])
        return regressors.reshape(-1, 16), scores.reshape(-1)
