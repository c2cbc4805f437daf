"""One process that tries cases: ``python -m tests.fuzz.worker TARGET FOLDER SEED FIRST LAST`` or ``… FOLDER FILE``.

It prints the number of each case before it tries it, so that the case is known which ends or stops the process.
"""

from __future__ import annotations

import json
import resource
import sys
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path

from tests.fuzz.target import case_of, open_target

# What a case may take beyond what the libraries have taken.
MEMORY = 2_000_000_000


def main(argv: Sequence[str]) -> int:
    """Try the cases from FIRST to before LAST, or the one in a file."""
    name, folder, *rest = argv
    target = open_target(name, Path(folder))
    limit_memory()
    if len(rest) == 1:
        say(fault=target.faults([Path(rest[0]).read_bytes()])[0])
        return 0
    seed, first, last = map(int, rest)
    for start in range(first, last, target.batch):
        say(number=start)
        cases = [case_of(target, seed, number) for number in range(start, min(start + target.batch, last))]
        for number, (case, fault) in enumerate(zip(cases, target.faults(cases), strict=True), start):
            if fault:
                say(number=number, fault=fault, case=b64encode(case).decode())
    return 0


def limit_memory() -> None:
    """Let a case that takes ever more memory fail, instead of the machine."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def say(**fields: object) -> None:
    print(json.dumps(fields), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
