"""Command line: ``python -m tests.mutants [--half python|edits] [--stack] [MODULE.py ...]``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from scripts.console import while_read
from tests.mutants.edits import edits, survivors
from tests.mutants.python import Mutant, mutants

# The share of mutants that the tests must notice.
LEAST = 0.95


def main(argv: Sequence[str] | None = None) -> int:
    """Run both halves; 1 if the tests noticed too few mutants."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--half", choices=("python", "edits"), help="only one half")
    parser.add_argument("--stack", action="store_true", help="also the edits whose tests start a stack")
    parser.add_argument("modules", nargs="*", help="only these modules, such as scripts/files.py")
    options = parser.parse_args(argv)
    counts = [(0, 0)]
    if options.half != "edits":
        counts.append(_python(mutants(options.modules)))
    if options.half != "python" and not options.modules:
        counts.append(_edits(options.stack))
    killed, made = (sum(column) for column in zip(*counts, strict=True))
    print(f"{killed} of {made} mutants killed: {killed / made:.1%}; at least {LEAST:.0%} must be.")
    return 0 if killed >= LEAST * made else 1


def _python(found: list[Mutant]) -> tuple[int, int]:
    """Print mutmut's survivors and each module's share; how many were killed, of how many that can be."""
    killable = [mutant for mutant in found if not mutant.equivalent]
    for mutant in killable:
        if not mutant.killed:
            print(f"{mutant.file}:{mutant.line}: {mutant.fate}: {mutant.name}\n  - {mutant.old}\n  + {mutant.new}")
    for file in sorted({mutant.file for mutant in found}):
        all_of_it = [mutant for mutant in found if mutant.file == file]
        fates = [mutant.killed for mutant in killable if mutant.file == file]
        print(f"{file}: {sum(fates)} of {len(fates)} killed, {len(all_of_it) - len(fates)} equivalent")
    return sum(mutant.killed for mutant in killable), len(killable)


def _edits(with_stack: bool) -> tuple[int, int]:
    """Print the edits that no test noticed; how many were killed, of how many."""
    chosen = [edit for edit in edits() if with_stack or not edit.stack]
    missed = 0
    for edit in survivors(chosen):
        print(f"{edit.file}: survived {edit.tests}\n  - {edit.old}\n  + {edit.new}", flush=True)
        missed += 1
    print(f"edits: {len(chosen) - missed} of {len(chosen)} killed, {len(edits()) - len(chosen)} not run")
    return len(chosen) - missed, len(chosen)


if __name__ == "__main__":
    sys.exit(while_read(main))
