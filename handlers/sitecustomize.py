"""Spares workers that compute with OpenVINO the import of torch: 340 MB and two seconds each.

Python runs this file when a worker starts, as the archive's folder is on the worker's path. TorchServe imports torch
for a single ``isinstance`` that answers of text or bytes never reach; here torch is loaded at the first use of
any of its names, so it works as ever for whoever does use it.
"""

import importlib.util
import sys

_spec = importlib.util.find_spec("torch")
if _spec is not None and _spec.loader is not None and "torch" not in sys.modules:
    _spec.loader = importlib.util.LazyLoader(_spec.loader)
    _torch = importlib.util.module_from_spec(_spec)
    sys.modules["torch"] = _torch
    _spec.loader.exec_module(_torch)
