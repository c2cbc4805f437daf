"""Spares workers that compute with OpenVINO what they never use: torch (340 MB, two seconds) and converters.

Python runs this file when a worker starts, as the archive's folder is on the worker's path. TorchServe imports torch
once, for an ``isinstance`` that answers of text or bytes never reach. The first import therefore leaves an empty
module that loads torch as soon as any of its names is used, or when it is imported a second time. Where torch is not
installed, as on a host that only serves, the module stays empty.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class Missing(Loader):
    """Loads a module that is not installed: it says so when one of its names is used."""

    def exec_module(self, module: ModuleType) -> None:
        """Leave the module empty."""

        def refuse(name: str) -> object:
            raise AttributeError(f"{module.__name__}.{name}: {module.__name__} is not installed")

        vars(module)["__getattr__"] = refuse


class LazyTorch(MetaPathFinder):
    """Finds torch, once, and puts off its loading."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Answer for ``torch`` with a spec that loads lazily, for everything else with None."""
        if fullname != "torch":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            return ModuleSpec(fullname, Missing())
        spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec


sys.meta_path.insert(0, LazyTorch())
# OpenVINO's Python package does without its converter, which takes half of the time of its import.
sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]
