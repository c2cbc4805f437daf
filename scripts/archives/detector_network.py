"""The face detector as OpenVINO's files, made of the TensorFlow Lite file that Google publishes.

That file takes 192 by 192 pixels. All of its layers are convolutions, so it computes pictures of other sizes too once
the sizes that are written into its three enlarging layers become factors. Its weights lie in it in 16 bits, behind 700
operations that unpack them; computed here, they cost a worker neither time nor the memory of these operations.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from scripts.archives.network_files import save_network
from scripts.checkpoints.libraries import import_openvino

NAME = "face_detector.xml"  # handlers/face_network.py reads it; the weights are in the .bin beside it
# Pixels from -1 to 1, as MediaPipe's face_detection_full_range.pbtxt gives them to the network.
_MIDDLE = 127.5


def convert_detector(file: Path, folder: Path) -> Path:
    """Write the network for uint8 (1, height, width, 3), RGB, into ``folder``; both sides are multiples of 32.

    Its outputs are maps, (1, height / 4, width / 4, 16) and (…, 1), in place of the lists that the file makes of them.
    """
    openvino = import_openvino()
    from openvino.passes import ConstantFolding, Manager

    model = _of_any_size(openvino, openvino.Core().read_model(file))
    for node in model.get_ops():
        notes = node.get_rt_info()
        for name in list(notes):  # "keep this as it is": the weights' way out of 16 bits
            del notes[name]
    manager = Manager()
    manager.register_pass(ConstantFolding())
    manager.run_passes(model)
    save_network(model, folder / NAME)
    return folder / NAME


def _of_any_size(openvino: Any, model: Any) -> Any:
    """The ``openvino.Model`` for bytes of any size, without the final layers that make lists of its maps."""
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
