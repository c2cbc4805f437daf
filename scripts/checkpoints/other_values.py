"""Let torch's restricted unpickler pass over what trainings keep beside the weights.

Such are the arguments of the command line (``argparse.Namespace``, in the files of torchvision's and timm's own
training scripts), paths, dates, histories, and NumPy's numbers and arrays. They are of no use here: what stands in for
their types takes what a file says and makes nothing of it. So no code of these types runs with what a file says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class OtherValue:
    """Stands in for a value of another type, and keeps nothing of it."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


def _plain_dict(*arguments: Any) -> dict[Any, Any]:
    """Stands in for ``defaultdict``: torch fills no mappings but its own and plain ones."""
    return {}


# Under the names that files have: NumPy 2 and Python 3.13 moved some, and files have the names of what saved them.
_NAMES = (
    "argparse.Namespace",
    "types.SimpleNamespace",
    *(f"{module}.{kind}Path" for module in ("pathlib", "pathlib._local") for kind in ("Posix", "Windows")),
    *(f"{module}.Pure{kind}Path" for module in ("pathlib", "pathlib._local") for kind in ("Posix", "Windows")),
    *(f"datetime.{name}" for name in ("datetime", "date", "time", "timedelta", "timezone")),
    *(f"builtins.{name}" for name in ("list", "dict", "int", "float", "str")),  # what a defaultdict is filled with
    # Lightning before 1.5 kept what its callbacks knew under their classes.
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
    "numpy.dtype",
    "numpy.ndarray",
    *(f"numpy.{core}.multiarray.{name}" for core in ("core", "_core") for name in ("scalar", "_reconstruct")),
)

# For torch.serialization.safe_globals: https://docs.pytorch.org/docs/stable/notes/serialization.html
# Each name has a type of its own, which messages call by it.
OTHER_VALUES: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    (_plain_dict, "collections.defaultdict"),
    *((type(name.rpartition(".")[2], (OtherValue,), {}), name) for name in _NAMES),
]
