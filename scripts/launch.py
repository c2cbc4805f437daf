"""What scripts/keys, scripts/models and scripts/predict run: ``python -I launch.py MODULE ARGUMENT…``.

Python, told to trust only itself (-I), does not find the clone's modules by the current folder or PYTHONPATH.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
