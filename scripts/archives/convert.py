"""From a torch network to OpenVINO's files, with the normalisation and the softmax inside."""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import nn

from scripts.archives.network_files import save_network
from scripts.checkpoints.libraries import import_openvino


def convert(network: nn.Module, folder: Path) -> None:
    """Write ``network.xml`` and ``network.bin`` (float32) into ``folder``.

    ``network`` takes (N, 3, 224, 224) float32 in [-1, 1] and answers logits. The files' network takes uint8 of
    shape (N, 224, 224, 3), RGB, and answers (N, classes) float32 probabilities; N is dynamic.
    """
    openvino = import_openvino()
    example = torch.zeros(1, 3, 224, 224)
    with warnings.catch_warnings(), torch.inference_mode():
        # OpenVINO's own converter traces too (torch 2.14 calls that deprecated), and then twice more to compare.
        warnings.simplefilter("ignore", FutureWarning)
        softmaxed = nn.Sequential(network, nn.Softmax(dim=1))
        traced = torch.jit.trace(softmaxed, example, check_trace=False)
        model = openvino.convert_model(traced, example_input=example, input=openvino.PartialShape([-1, 3, 224, 224]))
    steps = openvino.preprocess.PrePostProcessor(model)
    pixels = steps.input()
    pixels.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    pixels.model().set_layout(openvino.Layout("NCHW"))
    # (x / 255 - 0.5) / 0.5
    pixels.preprocess().convert_element_type(openvino.Type.f32).mean(127.5).scale(127.5)
    save_network(steps.build(), folder / "network.xml")
