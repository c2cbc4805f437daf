"""The two ways to compute a network: OpenVINO on a CPU, torch on CUDA (or on a CPU, where that is wanted).

Both take uint8 images of shape (N, 224, 224, 3), RGB, and answer float32 probabilities of shape (N, classes), N from
1 up; normalisation and softmax happen inside. torch and OpenVINO are imported only by the engine that needs them.
"""

from __future__ import annotations

import logging
import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
from cpus import available_cpus
from heap import give_back

Images = npt.NDArray[np.uint8]
Probabilities = npt.NDArray[np.float32]

_IMAGE_SHAPE: Final = (224, 224, 3)

logger = logging.getLogger(__name__)


class EngineError(RuntimeError):
    """The archive's network cannot be computed; the message names the model, the reason and the remedy."""


class Engine(Protocol):
    """A loaded network. ``device`` is ``cpu`` or ``cuda:<n>``."""

    device: str

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""


def load_engine(model_dir: Path, description: dict[str, Any], gpu_id: int | None = None) -> Engine:
    """Load the network of an unpacked archive and compute once, so that the first request is as fast as any.

    ``description`` is the archive's ``model.json``; ``gpu_id`` is the GPU that TorchServe assigned, None for the
    CPU. Raises EngineError when the files are missing or damaged, or the network has not one output per label.
    """
    name, runtime = description["model"], description["runtime"]
    try:
        engine: Engine
        if runtime == "openvino":
            engine = OpenVINOEngine(model_dir, description.get("precision", "f32"))
        elif runtime == "torch":
            engine = TorchEngine(model_dir, description, gpu_id)
        else:
            raise EngineError(f"unknown runtime {runtime!r}, use openvino or torch")
        found = engine.infer(np.zeros((1, *_IMAGE_SHAPE), np.uint8)).shape
    except Exception as error:
        reason = " ".join(str(error).split())
        raise EngineError(f"{name}: the network does not load ({reason}); build the archive again") from error
    if found != (1, len(description["emotions"])):
        raise EngineError(
            f"{name}: the network answers {found[-1]} values for the {len(description['emotions'])} labels "
            f"{', '.join(description['emotions'])}; build the archive again from a checkpoint that fits"
        )
    return engine


class OpenVINOEngine:
    """``network.xml`` and ``network.bin``, computed by OpenVINO on all cores.

    In float32, the archive's precision "f32"; with "bf16" the trunk, see below, computes in 16 bits, out of the same
    files; those of "int8" hold weights of 8 bits, and what is not quantised in them computes in float32.

    The network is cut before its first fully connected layer. What lies before the cut, the trunk, computes one image
    at a time. It is compiled twice: with all cores for one image, which answers soonest, and with one core for each of
    as many images as there are cores, which gets more images done. The latter costs time and memory, and is done beside
    the first batch, which gets all cores image by image like those that come before the end of it. What follows, the
    head, computes the whole batch at once: its time is that of reading its weights (494 MB in VGG19), however many
    images they serve. These weights are inputs of the head rather than constants: OpenVINO keeps a repacked copy of a
    constant, but reads an input where it lies, in the mapped file, which all workers of a model share. No batch size
    has to be warmed up. The head computes in float32 with "bf16" too: OpenVINO would round the inputs for each batch,
    which takes longer than it saves (VGG19, 8 images, Zen 5: 145 ms instead of 91). Weights of 8 bits stay constants,
    since OpenVINO multiplies only such in 8 bits.
    """

    device = "cpu"
    # More streams than a batch has images would never be used.
    MAX_STREAMS = 8

    def __init__(self, model_dir: Path, precision: str = "f32") -> None:
        # Imported with OpenVINO, its telemetry would write into the home directory and send data to its maker.
        sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
        import openvino

        core = openvino.Core()
        options = {
            "INFERENCE_PRECISION_HINT": "f32",
            # Nine workers share the cores: pinned, they would all wait for the same one.
            "ENABLE_CPU_PINNING": False,
        }
        cpus = available_cpus(os.environ)
        if cpus < len(os.sched_getaffinity(0)):  # OpenVINO knows nothing of a container's share of their time
            options["INFERENCE_NUM_THREADS"] = cpus
        latency = {"PERFORMANCE_HINT": "LATENCY"}
        trunk, head, weights = _cut(core.read_model(model_dir / "network.xml"))
        self._head = core.compile_model(head, "CPU", {**options, **latency}).create_infer_request()
        if precision == "bf16":
            options["INFERENCE_PRECISION_HINT"] = "bf16"
        self._trunk = core.compile_model(trunk, "CPU", {**options, **latency}).create_infer_request()
        for position, tensor in enumerate(weights, start=1):
            self._head.set_input_tensor(position, tensor)
        streams = min(cpus, self.MAX_STREAMS)

        def compile_streams() -> list[Any]:
            if streams == 1:
                return []
            compiled = core.compile_model(trunk, "CPU", {**options, "NUM_STREAMS": streams})
            requests = [compiled.create_infer_request() for _ in range(streams)]
            give_back()
            return requests

        self._compile_streams = compile_streams
        self._compiler = ThreadPoolExecutor(1, thread_name_prefix="compiler")
        self._streams: Future[list[Any]] | None = None

    def prepare_batches(self) -> Future[list[Any]]:
        """Let the trunk be compiled for batches, beside all else; the first batch does so. There is one future.

        Resolves to OpenVINO's infer requests, one a core; none where there is but one.
        """
        if self._streams is None:
            self._streams = self._compiler.submit(self._compile_streams)
            self._streams.add_done_callback(_log_failure)
        return self._streams

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""
        streams: list[Any] = []
        if len(images) > 1:
            prepared = self.prepare_batches()
            streams = prepared.result() if prepared.done() and not prepared.exception() else []
        probabilities: Probabilities = self._head.infer({0: np.concatenate(self._features(images, streams))})[0]
        return probabilities

    def _features(self, images: Images, streams: list[Any]) -> list[npt.NDArray[np.float32]]:
        """What the trunk makes of each image; those that cannot have a core each get all cores, one by one."""
        singles = [images[index : index + 1] for index in range(len(images))]
        features: list[npt.NDArray[np.float32]] = []
        while streams and len(singles) - len(features) >= len(streams):
            for stream, image in zip(streams, singles[len(features) :], strict=False):
                stream.start_async([image], share_inputs=True)
            for stream in streams:
                stream.wait()
                features.append(stream.get_output_tensor().data.copy())
        rest = singles[len(features) :]
        return features + [self._trunk.infer([image], share_inputs=True)[0] for image in rest]


def _log_failure(streams: Future[list[Any]]) -> None:
    if error := streams.exception():
        logger.error("batches are computed image by image: %s", error)


def _cut(model: Any) -> tuple[Any, Any, list[Any]]:
    """Cut an ``openvino.Model`` before its first matrix product.

    Returns the part before it, for one image, the rest, and the tensors which that one takes after the features: the
    weights of its matrix products, but for those of 8 bits.
    """
    import openvino
    from openvino import opset13

    products = [node for node in model.get_ordered_ops() if node.get_type_name() == "MatMul"]
    first = _first_of_head(products[0])
    features = first.input_value(0)
    trunk = openvino.Model([features], model.get_parameters(), "trunk")
    trunk.reshape([1, *_IMAGE_SHAPE])
    shape = [-1, *features.get_partial_shape().to_shape()[1:]]
    batch = opset13.parameter(openvino.PartialShape(shape), features.get_element_type())
    first.input(0).replace_source_output(batch.output(0))
    inputs, weights = [batch], []
    for product in products:
        constant = product.input_value(1)
        if constant.get_node().get_type_name() != "Constant":
            continue  # it is made of 8 bits
        # Outputs by inputs. OpenVINO allocates memory for an input of known size, even if it is given one later.
        shape = [constant.get_shape()[0], -1]
        inputs.append(opset13.parameter(openvino.PartialShape(shape), constant.get_element_type()))
        product.input(1).replace_source_output(inputs[-1].output(0))
        weights.append(constant.get_node().get_tensor_view())
    return trunk, openvino.Model(model.outputs, inputs, "head"), weights


def _first_of_head(product: Any) -> Any:
    """What computes first behind the cut: a matrix product, or the step that rounds what it takes to 8 bits."""
    node = product.input_value(0).get_node()
    while node.get_type_name() == "Reshape":
        node = node.input_value(0).get_node()
    return node if node.get_type_name() == "FakeQuantize" else product


class TorchEngine:
    """``checkpoint.pt`` in torchvision's network, computed by torch: on the GPU if there is one, else on the CPU.

    The temperature of ``description`` is applied here; OpenVINO's network has it inside.
    """

    def __init__(self, model_dir: Path, description: dict[str, Any], gpu_id: int | None = None) -> None:
        import torch
        import torchvision

        self._torch = torch
        self.device = "cpu" if gpu_id is None else f"cuda:{gpu_id}"
        self._temperature = description.get("temperature")
        build = getattr(torchvision.models, description["torchvision_name"])
        with torch.device("meta"):
            network = build(weights=None, num_classes=len(description["emotions"]))
        checkpoint = torch.load(model_dir / "checkpoint.pt", map_location="cpu", weights_only=True)
        network.load_state_dict(checkpoint, assign=True)
        network.requires_grad_(False).eval()
        self._network = network.to(self.device, memory_format=torch.channels_last)

    def infer(self, images: Images) -> Probabilities:
        """Compute a batch: uint8 (N, 224, 224, 3) to float32 (N, classes)."""
        torch = self._torch
        with torch.inference_mode():
            batch = torch.from_numpy(images).to(self.device).permute(0, 3, 1, 2)
            logits = self._network((batch.float() / 255 - 0.5) / 0.5)
            if self._temperature is not None:
                logits = logits / self._temperature
            probabilities: Probabilities = logits.softmax(dim=1).cpu().numpy()
        return probabilities
