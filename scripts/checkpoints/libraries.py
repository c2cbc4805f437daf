"""Large libraries, imported without what they bring along and nothing here uses."""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

_COMPILER = "torch._dynamo.utils"


def import_torchvision() -> Any:
    """Import torchvision without torch's compiler, whose import takes as long as torch's own.

    ``torchvision.ops`` imports it to ask whether ``roi_align`` may be compiled; here that answers no.
    """
    importlib.import_module("torch")  # first, since it needs the compiler's names as they are
    if "torchvision" not in sys.modules and _COMPILER not in sys.modules:
        compiler = types.ModuleType(_COMPILER)
        vars(compiler)["is_compile_supported"] = lambda device_type: False
        sys.modules[_COMPILER] = compiler
        try:
            importlib.import_module("torchvision")
        finally:
            del sys.modules[_COMPILER]
    return importlib.import_module("torchvision")


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry, which on import writes into the home directory and sends data."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")
