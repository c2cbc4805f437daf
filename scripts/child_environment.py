"""What the programs that we start get of the caller's environment: what is listed here, and nothing else.

A variable that is meant for another program could change them otherwise: options of Python or of a JVM, a library that
is loaded first, a locale in which a folder's name cannot be written.
"""

from __future__ import annotations

import os

# LD_LIBRARY_PATH: a Python that was not built for this machine's usual folders is found by it, as on clusters.
NAMES = frozenset({"PATH", "HOME", "USER", "LOGNAME", "TZ", "TMPDIR", "LD_LIBRARY_PATH"})
# How many threads compute, what PyTorch does with a GPU and which it sees, and how glibc keeps memory.
PREFIXES = ("OMP_", "KMP_", "MKL_", "PYTORCH_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "MALLOC_")
# `make coverage` measures what runs in other processes too.
_OF_THE_TESTS = "COVERAGE_PROCESS_"


def child_environment(**own: str) -> dict[str, str]:
    """The listed variables, and ``own``.

    The locale is the same for everybody: file names and logs are UTF-8, and no letter has an unusual capital.
    """
    listed = {name: value for name, value in os.environ.items() if name in NAMES or name.startswith(PREFIXES)}
    tests = {name: value for name, value in os.environ.items() if name.startswith(_OF_THE_TESTS)}
    return {**listed, **tests, "LC_ALL": "C.UTF-8", **own}
