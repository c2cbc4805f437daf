"""Writing OpenVINO's two files of a network."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from scripts.checkpoints.libraries import import_openvino


def save_network(model: Any, file: Path) -> None:
    """Write an openvino.Model as ``file`` (.xml) and, beside it, its weights (.bin), not rounded to 16 bits.

    Raises OSError where there is no room: OpenVINO says only "iostream error".
    """
    try:
        import_openvino().save_model(model, file, compress_to_fp16=False)
    except RuntimeError as error:
        if "iostream" not in str(error):
            raise
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file)) from error
