"""Let torch's restricted unpickler pass over NumPy's numbers, such as a best accuracy beside the weights.

Their values are of no use here: what stands in for NumPy's functions takes the arguments and makes nothing of them. So
no code of NumPy runs with what a file says.
"""

from __future__ import annotations

from typing import Any


class NumPyType:
    """Stands in for ``numpy.dtype``."""

    def __init__(self, *arguments: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        pass


class NumPyScalar:
    """Stands in for a number of NumPy, whose value is not kept."""

    def __init__(self, *arguments: Any) -> None:
        pass


# NumPy 2 moved the function; files have the name of the NumPy that saved them.
# For torch.serialization.safe_globals: https://docs.pytorch.org/docs/stable/notes/serialization.html
NUMPY_SCALARS = [
    NumPyType,
    (NumPyType, "numpy.dtype"),
    (NumPyScalar, "numpy.core.multiarray.scalar"),
    (NumPyScalar, "numpy._core.multiarray.scalar"),
]
