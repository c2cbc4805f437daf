"""Other files that people have for checkpoints: what each is, and what to do instead; needs no torch."""

from __future__ import annotations

import re
from collections.abc import Sequence

HEAD = 512  # bytes that tell what a file is; the name "ustar" of a tar file lies at 257

SAVE = "save it with torch.save(model.state_dict(), path)"

_TRAIN = f"train it with torch and {SAVE}"
_UNPACK = "unpack it and put the checkpoint here"

# How they begin, what they are, and what to do.
_KINDS = (
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras and TensorFlow save weights", _TRAIN),
    (rb"....TFL3", "a TensorFlow Lite model", _TRAIN),
    (rb"\x08\x01\x12", "a TensorFlow SavedModel", _TRAIN),
    # ModelProto in https://github.com/onnx/onnx/blob/main/onnx/onnx.proto: its version, then a text or the graph.
    (rb"\x08[\x02-\x1f][\x12\x1a\x22\x3a\x42]", "an ONNX model", f"load the torch model it was made from and {SAVE}"),
    (rb"\x93NUMPY", "a NumPy array", SAVE),
    (rb"GGUF", "a GGUF model", SAVE),
    (rb"\x1f\x8b", "packed with gzip", _UNPACK),
    (rb"BZh", "packed with bzip2", _UNPACK),
    (rb"\xfd7zXZ\0", "packed with xz", _UNPACK),
    (rb"\x28\xb5\x2f\xfd", "packed with zstd", _UNPACK),
    (rb"7z\xbc\xaf\x27\x1c", "packed with 7-Zip", _UNPACK),
    (rb"Rar!\x1a\x07", "packed with RAR", _UNPACK),
    (rb".{257}ustar", "a tar file", _UNPACK),
    (rb"\s*<(!doctype html|html)", "a web page, such as one that asks to sign in", "download the file itself"),
)
_STARTS = [(re.compile(start, re.DOTALL | re.IGNORECASE), what, remedy) for start, what, remedy in _KINDS]
_PACKED = (".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".pkl")

# What it is, and the remedy.
Other = tuple[str, str]


def of_start(start: bytes) -> Other | None:
    """What a file is that begins so; None if it is not known."""
    for pattern, what, remedy in _STARTS:
        if pattern.match(start):
            return what, remedy
    return None


def is_packed(start: bytes) -> bool:
    """Whether a file that begins so is packed, such as a folder of checkpoints that was downloaded as one file."""
    other = of_start(start)
    return other is not None and other[1] == _UNPACK


def of_zip(names: Sequence[str]) -> Other | None:
    """What a zip file with these records is; None if they are those of what ``torch.save`` writes."""
    inner = {name.partition("/")[2] for name in names}
    if "data.pkl" in inner:
        return ("a TorchScript archive", f"load it and {SAVE}") if "constants.pkl" in inner else None
    if inner & {"archive_format", "models/model.json"} or "serialized_exported_program.json" in names:
        return "a program of torch.export", "save the state_dict of the model it was made from"
    if "model.weights.h5" in names:
        return "a Keras model", _TRAIN
    if "MAR-INF/MANIFEST.json" in names:
        return "a TorchServe archive", "put the checkpoint here that it was made from"
    if names and all(name.endswith(".npy") for name in names):
        return "a NumPy archive", SAVE
    packed = [name for name in names if name.endswith(_PACKED)]
    if packed:
        return f"a zip file around {packed[0]}", "unpack it and put that file here"
    return f"a zip file without a checkpoint in it ({', '.join(names[:3]) or 'no files'})", SAVE
